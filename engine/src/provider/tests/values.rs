//! Record values.

use crate::provider::value::check;

#[test]
fn values_as_the_provider_writes_them_are_accepted() {
    for value in [
        "192.0.2.1",
        "2001:db8::1",
        "10 mail.example.com.",
        r#""v=spf1 include:_spf.example.com ~all""#,
        r#""two  blanks" "inside quotes""#,
        r#""a quote \" and a backslash \\""#,
        r#""v=DMARC1\; p=none""#,
        r#""umlaut \195\164""#,
        r#"0 issue "ca.example""#,
        r"My\032Printer._ipp._tcp.example.com.",
        r"john\.doe.example.com.",
        r#"A "ifportup(443, {'192.0.2.1', '192.0.2.2'})""#,
    ] {
        check(value).unwrap_or_else(|refusal| panic!("{value}: {refusal}"));
    }
}

#[test]
fn values_that_are_not_plain_are_refused() {
    for value in [
        "",
        "\"a\nb\"",
        "\"a\tb\"",
        "\"a\u{7f}b\"",
        "\"a\u{85}b\"",
        "\"ä\"",
        "\"\u{202e}\"",
        "\0",
        r#""a\010b""#,
        r#""a\127b""#,
        r#""a\000""#,
        r#""\065""#,
        r"evi\108.example.",
        r"a\046b.example.",
        r#""\256""#,
        r#""\99""#,
        r#""\1"#,
        r"a\",
        r#""\n""#,
        r#""not closed"#,
        r#""closed by an escape\""#,
        " 192.0.2.1",
        "192.0.2.1 ",
        "10  mail.example.com.",
    ] {
        assert!(check(value).is_err(), "{value:?}");
    }
}
