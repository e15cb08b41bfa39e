//! Updates by query: whose zone a name lies in, what is looked up, what a file may say of them.

use crate::name::Name;
use crate::provider::{Knowledge, Lookup, Plan, Provider, Purpose, Read};
use crate::request::{Method, Target};

use super::CAPS;

/// The file that has such an update.
const DESEC: &str = include_str!("../../../providers/desec.toml");

/// An update that sets one address and deletes those of the other family.
const UPDATE: &[u8] = b"/api/v1/dyndns/update?hostname=home.example.com&myip=192.0.2.1&myipv6=";

/// That file.
fn desec() -> Provider {
    Provider::parse("desec.toml", DESEC).unwrap()
}

/// The problems of that file after a replacement, one line each.
fn problems(from: &str, to: &str) -> String {
    assert!(DESEC.contains(from), "{from}");
    match Provider::parse("p.toml", &DESEC.replacen(from, to, 1)) {
        Ok(_) => String::new(),
        Err(problems) => problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
    }
}

/// The question that an update asks first.
fn question(provider: &Provider) -> Lookup {
    let target = Target::parse(UPDATE).unwrap();
    let matched = provider.find(Method::Get, &target).unwrap();
    let known = Knowledge::default();
    let Read::Needs(needs) = matched.read(&[], &CAPS, &known).unwrap() else {
        panic!("a zone is needed")
    };
    assert!(needs.zone && needs.within.is_none());
    matched.lookups(&needs, &known).unwrap().remove(0)
}

/// What an update means in a zone.
fn plan(provider: &Provider, zone: &str) -> Option<Plan> {
    let target = Target::parse(UPDATE).unwrap();
    let matched = provider.find(Method::Get, &target).unwrap();
    let zone = Name::parse(zone, crate::name::NameForm::Fqdn).unwrap();
    match matched.read(&[], &CAPS, &Knowledge::of_zone(zone)) {
        Ok(Read::Plan(plan)) => Some(*plan),
        Ok(Read::Needs(_)) | Err(_) => None,
    }
}

#[test]
fn an_owner_is_around_the_name() {
    let provider = desec();
    let lookup = question(&provider);
    assert_eq!(lookup.path, "/api/v1/domains/?owns_qname=home.example.com");
    assert!(matches!(lookup.purpose, Purpose::Owner { .. }));
    let answer = |body: &str| provider.read_answer(&lookup, 200, body.as_bytes()).is_ok();
    for zone in ["example.com", "home.example.com", "com"] {
        assert!(answer(&format!(r#"[{{"name":"{zone}"}}]"#)), "{zone}");
        assert!(plan(&provider, zone).is_some(), "{zone}");
    }
    assert!(answer("[]"));
    for zone in ["example.net", "ome.example.com", "x.home.example.com"] {
        assert!(!answer(&format!(r#"[{{"name":"{zone}"}}]"#)), "{zone}");
        assert!(plan(&provider, zone).is_none(), "{zone}");
    }
    for body in [r#"[{"name":"example.com"},{"name":"com"}]"#, "{}", r#"[{"name":1}]"#, "[[]]", ""]
    {
        assert!(!answer(body), "{body}");
    }
    for status in [204, 301, 404, 429, 500] {
        assert!(provider.read_answer(&lookup, status, b"[]").is_err(), "{status}");
    }
}

#[test]
fn what_goes_unseen_can_be_looked_up() {
    let provider = desec();
    let plan = plan(&provider, "example.com").unwrap();
    let means: Vec<_> = plan.operations.iter().map(ToString::to_string).collect();
    assert_eq!(
        means,
        [
            "record.delete example.com home.example.com A",
            r#"record.create example.com home.example.com A "192.0.2.1""#,
            "record.delete example.com home.example.com AAAA",
        ]
    );
    assert_eq!(plan.unseen, [0, 2]);
    let target = Target::parse(UPDATE).unwrap();
    let matched = provider.find(Method::Get, &target).unwrap();
    let gone = plan.unseen.iter().filter_map(|at| plan.operations.get(*at));
    let paths: Vec<_> =
        matched.lookups_for_values(gone).unwrap().into_iter().map(|one| one.path).collect();
    assert_eq!(
        paths,
        [
            "/api/v1/domains/example.com/rrsets/?subname=home&type=A",
            "/api/v1/domains/example.com/rrsets/?subname=home&type=AAAA",
        ]
    );
}

#[test]
fn an_update_by_query_says_all_of_it() {
    let says = |from, to, text: &str| {
        let found = problems(from, to);
        assert!(found.contains(text), "{text}: {found}");
    };
    says("AAAA = [\"myipv6\"]", "TXT = [\"myipv6\"]", "what becomes of A and of AAAA");
    says(", AAAA = [\"myipv6\"]", "", "what becomes of A and of AAAA");
    says("AAAA = [\"myipv6\"]", "AAAA = [\"myip\"]", "reads a parameter in two ways");
    says("AAAA = [\"myipv6\"]", "AAAA = [\"ipv6\"]", "does not read `ipv6` as one text");
    says(
        "is = \"name\", required = true }\nmyip",
        "is = \"name\" }\nmyip",
        "needs a name in `hostname`",
    );
    says("[lookup.owner]", "[lookup.record]", "needs lookup.owner");
    says(
        "match = \"GET /api/v1/dyndns/update\"",
        "match = \"GET /api/v1/dyndns/update/{zone}\"",
        "does not name exactly one zone",
    );
}
