//! Paths and queries.

use super::{forward, means, plan, powerdns, refused};
use crate::decision::Reason;
use crate::provider::CredentialScheme;
use crate::request::{Method, Target};

#[test]
fn every_route_means_something_and_says_where_it_is_from() {
    assert!(powerdns().routes().len() >= 36);
    for route in powerdns().routes() {
        assert!(route.docs().starts_with("https://doc.powerdns.com/"), "{}", route.id());
        assert!(route.verified().starts_with("2026-"), "{}", route.id());
        assert!(!route.actions().is_empty() || route.id() == "zone-patch", "{}", route.id());
    }
}

#[test]
fn the_key_is_where_the_real_one_was() {
    assert_eq!(
        powerdns().credential_schemes(),
        [
            CredentialScheme::Header {
                name: "x-api-key".to_owned(),
                prefix: None,
                after_colon: false,
                beside: None
            },
            CredentialScheme::BasicPassword,
        ]
    );
}

#[test]
fn what_clients_look_around_with_is_a_list_of_zones() {
    for path in ["/api", "/api/v1", "/api/v1/servers", "/api/v1/servers/localhost", "/zones"] {
        assert_eq!(means("GET", path, "{}"), ["zone.list"]);
    }
    assert_eq!(means("GET", "/zones?zone=example.com.", ""), ["zone.list"]);
    assert_eq!(means("GET", "/config", ""), ["server.read"]);
    assert_eq!(means("GET", "/statistics?statistic=uptime", ""), ["server.read"]);
    assert_eq!(means("GET", "/search-data?q=*acme*&max=10&object_type=record", ""), ["search"]);
    assert_eq!(means("PUT", "/cache/flush?domain=example.com.", ""), ["server.write"]);
    assert_eq!(means("DELETE", "/autoprimaries/192.0.2.1/ns1.example.com", ""), ["server.write"]);
    assert_eq!(
        means("PUT", "/zones/example.com./axfr-retrieve", ""),
        ["zone.transfer example.com"]
    );
    assert_eq!(means("GET", "/zones/example.com./export", ""), ["zone.export example.com"]);
    assert_eq!(means("DELETE", "/zones/example.com.", ""), ["zone.delete example.com"]);
}

#[test]
fn only_a_read_zone_is_hidden() {
    assert!(plan("GET", "/zones/example.com.", "").unwrap().denied_zone_is_404);
    assert!(!plan("DELETE", "/zones/example.com.", "").unwrap().denied_zone_is_404);
}

#[test]
fn zone_ids_are_decoded_once_and_written_one_way() {
    for id in ["example.com.", "example.com", "EXAMPLE.com.", "example=2Ecom=2E", "ex%61mple.com."]
    {
        assert_eq!(means("GET", &format!("/zones/{id}"), ""), ["zone.read example.com"], "{id}");
        let path = forward("GET", &format!("/zones/{id}"), "").path_and_query;
        assert_eq!(path, "/api/v1/servers/localhost/zones/example.com.");
    }
    let path = forward("GET", "/zones/a_b.example.", "").path_and_query;
    assert_eq!(path, "/api/v1/servers/localhost/zones/a=5Fb.example.");
    // A dot alone is a dot segment, so only the escaped root is a zone.
    assert!(Target::parse(b"/api/v1/servers/localhost/zones/.").is_err());
    let planned = plan("GET", "/zones/=2E", "").unwrap();
    assert_eq!(planned.operations.first().unwrap().to_string(), "zone.read .");
    assert!(planned.forward.path_and_query.ends_with("/zones/=2E"));
}

#[test]
fn zone_ids_that_two_could_read_differently_are_refused() {
    for id in [
        "example=2ecom.",
        "example=2",
        "example=",
        "example=2Gcom.",
        "example=5Ccom.",
        "example=00com.",
        "example=2Fcom.",
        "example=3D2Ecom.",
        "example=C3=A9.com.",
        "example.com..internal",
        "example.com..",
        "..example.com.",
        "example..com.",
        "exa+mple.com.",
    ] {
        assert_eq!(refused("GET", &format!("/zones/{id}"), ""), Reason::NameNotUnderstood, "{id}");
    }
    assert!(Target::parse(b"/api/v1/servers/localhost/zones/example%3D2Ecom.").is_err());
    assert!(Target::parse(b"/api/v1/servers/localhost/zones/example%253D2Ecom.").is_err());
}

#[test]
fn what_is_not_declared_is_not_there() {
    for (method, path) in [
        ("GET", "/zones/"),
        ("GET", "/zones/example.com./"),
        ("GET", "/Zones"),
        ("GET", "/zones/example.com./records"),
        ("GET", "/views"),
        ("GET", "/api/v1/servers/other/zones"),
        ("GET", "/api/v1/servers/LOCALHOST/zones"),
        ("GET", "/api/v2"),
        ("GET", "/api/v1/servers/localhost/zones/example.com./cryptokeys/1/2"),
        ("DELETE", "/autoprimaries/192.0.2.300/ns"),
    ] {
        assert_eq!(refused(method, path, ""), Reason::UnknownRoute, "{path}");
    }
    for path in ["/metrics", "/", "/style.css", "/servers/localhost/zones"] {
        let target = Target::parse(path.as_bytes()).unwrap();
        let refusal = powerdns().find(Method::Get, &target).unwrap_err();
        assert_eq!(refusal.reason, Reason::UnknownRoute);
    }
}

#[test]
fn methods_are_declared_one_by_one() {
    for (method, path) in [
        ("HEAD", "/zones"),
        ("HEAD", "/zones/example.com."),
        ("PUT", "/zones"),
        ("POST", "/zones/example.com./notify"),
        ("GET", "/zones/example.com./notify"),
        ("PATCH", "/api"),
    ] {
        assert_eq!(refused(method, path, ""), Reason::UnknownMethod, "{method} {path}");
    }
}

#[test]
fn queries_are_declared_one_by_one() {
    for query in [
        "api-key=x",
        "api%2Dkey=x",
        "API-KEY=x",
        "zone=a.&zone=b.",
        "zone=a.&Zone=b.",
        "zone[]=a.",
        "dnssec=1",
        "dnssec=",
        "_method=DELETE",
    ] {
        assert_eq!(refused("GET", &format!("/zones?{query}"), ""), Reason::QueryNotUnderstood);
    }
    assert_eq!(refused("GET", "/zones?zone=example.com", ""), Reason::NameNotUnderstood);
    assert_eq!(refused("GET", "/search-data?max=1", ""), Reason::QueryNotUnderstood);
    assert_eq!(refused("GET", "/search-data?q=a&object_type=ALL", ""), Reason::QueryNotUnderstood);
    assert_eq!(refused("PUT", "/cache/flush", ""), Reason::QueryNotUnderstood);
    assert_eq!(
        refused("PATCH", "/zones/example.com.?rrsets=false", "{}"),
        Reason::QueryNotUnderstood
    );
    assert_eq!(
        refused("GET", "/zones/example.com.?rrset_name=a.example.com.&rrset_type=ANY", ""),
        Reason::TypeNotUnderstood
    );
    let query = "rrset_name=A.Example.com.&rrset_type=type16&rrsets=true";
    assert_eq!(
        forward("GET", &format!("/zones/example.com.?{query}"), "").path_and_query,
        "/api/v1/servers/localhost/zones/example.com.?rrset_name=a.example.com.&rrset_type=TXT&rrsets=true"
    );
    let path = forward("GET", "/search-data?q=a%26max%3D1+b&max=9", "").path_and_query;
    assert_eq!(path, "/api/v1/servers/localhost/search-data?q=a%26max%3D1%20b&max=9");
}
