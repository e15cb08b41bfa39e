//! What a session is told of a request, and what is not taken from it.

use super::*;

/// A request with these headers.
fn request(headers: &[(&str, &str)]) -> Arrived {
    let bytes = |(name, value): &(&str, &str)| (name.as_bytes().to_vec(), (*value).into());
    Arrived { headers: headers.iter().map(bytes).collect(), id: 7, ..Arrived::default() }
}

/// The values of a header that the session is told of.
fn values(arrived: Arrived, name: &str) -> Vec<String> {
    let mut values = Vec::new();
    for (each, value) in arrived.told() {
        if each == name.as_bytes() {
            values.push(String::from_utf8_lossy(&value).into_owned());
        }
    }
    values
}

#[test]
fn what_the_host_says_is_not_asked_of_the_client() {
    let said = [("X-Request-ID", "mine"), (":path", "/x"), ("Host", "gate"), ("x-Api-Key", "a")];
    assert_eq!(values(request(&said), "x-request-id"), ["0000000000000007"]);
    assert_eq!(values(request(&said), ":path"), [""]);
    assert_eq!(values(request(&said), "host"), [""; 0]);
    assert_eq!(values(request(&said), "x-api-key"), ["a"]);
}

#[test]
fn repeated_headers_stay_repeated() {
    let twice = [("X-API-Key", "a"), ("x-api-key", "b")];
    assert_eq!(values(request(&twice), "x-api-key"), ["a", "b"]);
}

#[test]
fn the_authority_is_the_hosts_word_before_the_header_is() {
    assert_eq!(values(request(&[("HOST", "gate")]), ":authority"), ["gate"]);
    assert_eq!(values(request(&[("host", "gate"), ("Host", "other")]), ":authority"), [""]);
    let both = Arrived { authority: "said".to_owned(), ..request(&[("host", "gate")]) };
    assert_eq!(values(both, ":authority"), ["said"]);
}

#[test]
fn an_address_comes_from_one_header_or_none() {
    let from = |client: &Client, headers| request(headers).client(client).map(|at| at.to_string());
    let header = Client::Header("x-real-ip".to_owned());
    assert_eq!(from(&header, &[("X-Real-IP", " 192.0.2.1 ")]), Some("192.0.2.1".to_owned()));
    assert_eq!(from(&header, &[("X-Real-IP", "192.0.2.1"), ("x-real-ip", "192.0.2.1")]), None);
    assert_eq!(from(&header, &[("X-Real-IP", "192.0.2.1, 192.0.2.2")]), None);
    assert_eq!(from(&header, &[]), None);
    let fixed = Client::Fixed("192.0.2.9".to_owned());
    assert_eq!(from(&fixed, &[("X-Real-IP", "192.0.2.1")]), Some("192.0.2.9".to_owned()));
}
