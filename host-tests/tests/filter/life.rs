//! The life of the filter in a proxy: bundles that come and are refused, streams that overlap,
//! clients that go away, and what stays behind.

use crate::bundle::gate;
use crate::runner::{request, upstream};
use crate::tables;
use zonegate_cases::{Case, Expected};
use zonegate_host_tests::{
    Answer, Callout, CalloutResponse, Delivery, Host, Metric, Reason, Stream, Upstream,
};

/// A host with the shipped policies.
fn start() -> Host {
    let (module, config) = gate();
    Host::new(&module, config).unwrap()
}

/// The first row that `wanted` chooses.
fn row(wanted: impl Fn(&Case) -> bool) -> Case {
    tables().cases().find(|case| wanted(case)).expect("no such row in the tables").clone()
}

/// An allowed row with a body and without lookups.
fn allowed() -> Case {
    row(|case| {
        matches!(case.expected, Expected::Allow { .. })
            && case.body.is_some()
            && case.lookups.is_empty()
            && !case.is_for_the_gate()
    })
}

/// An allowed row with one lookup.
fn with_lookup() -> Case {
    row(|case| matches!(case.expected, Expected::Allow { .. }) && case.lookups.len() == 1)
}

/// Sets the clock to a row's time.
fn at_the_time_of(host: &Host, case: &Case) {
    host.set_time_ns(u64::try_from(case.now_unix_ms).unwrap() * 1_000_000);
}

/// Sends a row's request, whole.
fn send(host: &Host, case: &Case) -> Stream {
    at_the_time_of(host, case);
    let request = request(case, Delivery::Whole).unwrap();
    let stream = host.stream();
    stream.properties(|properties| {
        for (path, value) in &request.properties {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            properties.set(&path, value.clone());
        }
    });
    stream.request_headers(&request.headers, request.body.is_empty());
    if !request.body.is_empty() {
        stream.request_body(&request.body, true);
    }
    stream
}

/// What a row's only lookup is answered.
fn lookup_answer(case: &Case) -> CalloutResponse {
    let answer = case.lookups[0].result.clone().unwrap();
    CalloutResponse::new(answer.status, answer.body)
}

/// No callout is expected.
fn none(callout: &Callout) -> Answer {
    panic!("a lookup: {callout:?}")
}

/// What becomes of an allowed row on this host.
fn passes(host: &Host) -> bool {
    let case = allowed();
    at_the_time_of(host, &case);
    let sent = request(&case, Delivery::Whole).unwrap();
    let outcome = host.exchange(&sent, none, |_| upstream(&case, Delivery::Whole));
    assert_eq!(outcome.problems(), Vec::<String>::new());
    outcome.forwarded.is_some()
}

#[test]
fn a_bundle_that_was_changed_is_refused_and_never_traps() {
    let (module, config) = gate();
    let good = config.configuration.clone();
    let mut bad: Vec<Vec<u8>> =
        vec![Vec::new(), b"{}".to_vec(), b"null".to_vec(), b"\xff\xfe".to_vec()];
    for part in 1..8 {
        let at = good.len() * part / 8;
        bad.push(good[..at].to_vec());
        let mut flipped = good.clone();
        flipped[at] ^= 1;
        bad.push(flipped);
    }
    for bytes in bad {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        let mut config = config.clone();
        config.configuration.clone_from(&bytes);
        let refused = Host::new(&module, config).err();
        let refused = refused.unwrap_or_else(|| panic!("{} bytes {shown:?}", bytes.len()));
        assert_eq!(refused.reason, Reason::Configuration, "{refused}");
        assert!(!refused.logs.is_empty(), "a refusal says why: {shown:?}");
    }
}

#[test]
fn a_refused_bundle_leaves_the_running_one() {
    let host = start();
    assert!(host.reconfigure("{}").is_err());
    assert!(passes(&host));
    assert_eq!(host.trap(), None);
}

#[test]
fn a_request_of_the_old_bundle_ends_after_a_reload() {
    let host = start();
    let case = with_lookup();
    let stream = send(&host, &case);
    let [callout] = stream.callouts().try_into().unwrap();
    let (_, config) = gate();
    host.reconfigure(config.configuration).unwrap();
    assert!(stream.answer_callout(callout.token, lookup_answer(&case)));
    assert!(stream.forwarded().is_some_and(|forwarded| forwarded.complete));
    drop(stream);
    assert!(passes(&host) && host.trap().is_none() && host.faults().is_empty());
}

#[test]
fn without_route_metadata_nothing_passes() {
    let host = start();
    let case = allowed();
    at_the_time_of(&host, &case);
    for missing in ["provider", "account"] {
        let mut sent = request(&case, Delivery::Whole).unwrap();
        sent.properties.retain(|(path, _)| path.last().is_none_or(|name| name != missing));
        let outcome = host.exchange(&sent, none, |_| Upstream::new(200, "x"));
        assert_eq!(outcome.problems(), Vec::<String>::new());
        assert!(outcome.forwarded.is_none() && outcome.status() >= 400, "{missing}: {outcome:?}");
    }
}

#[test]
fn streams_that_overlap_get_their_own_answers() {
    let host = start();
    let case = with_lookup();
    let (one, two, three) = (send(&host, &case), send(&host, &case), send(&host, &case));
    let [first] = one.callouts().try_into().unwrap();
    let [second] = two.callouts().try_into().unwrap();
    let [third] = three.callouts().try_into().unwrap();
    host.answer_callout(third.token, lookup_answer(&case));
    assert!(three.forwarded().is_some() && one.forwarded().is_none() && two.forwarded().is_none());
    host.fail_callout(second.token);
    assert_eq!((two.forwarded(), two.response().unwrap().status), (None, 503));
    host.answer_callout(first.token, lookup_answer(&case));
    assert!(one.forwarded().is_some_and(|forwarded| forwarded.complete));
    assert!(host.faults().is_empty() && host.trap().is_none());
}

#[test]
fn a_client_that_leaves_during_a_lookup_harms_nobody() {
    let host = start();
    let case = with_lookup();
    let stream = send(&host, &case);
    let [callout] = stream.callouts().try_into().unwrap();
    drop(stream);
    assert!(host.answer_callout(callout.token, lookup_answer(&case)));
    assert!(host.faults().is_empty() && host.trap().is_none());
    assert!(passes(&host));
}

#[test]
fn a_lookup_that_is_never_answered_ends_by_its_timeout() {
    let host = start();
    let case = with_lookup();
    at_the_time_of(&host, &case);
    let sent = request(&case, Delivery::Whole).unwrap();
    let outcome = host.exchange(&sent, |_| Answer::Never, |_| Upstream::new(200, "x"));
    assert_eq!(outcome.problems(), Vec::<String>::new());
    assert_eq!((outcome.status(), outcome.forwarded), (503, None));
}

/// Begins a row's request: all but its body.
fn begin(host: &Host, case: &Case) -> Stream {
    at_the_time_of(host, case);
    let mut headers = request(case, Delivery::Whole).unwrap();
    headers.body.clear();
    let stream = host.stream();
    stream.properties(|properties| {
        for (path, value) in &headers.properties {
            let path: Vec<&str> = path.iter().map(String::as_str).collect();
            properties.set(&path, value.clone());
        }
    });
    stream.request_headers(&headers.headers, case.body.is_none());
    stream
}

/// Whether a stream was refused because the worker holds too much.
fn is_refused_as_busy(stream: &Stream) -> bool {
    stream.response().is_some_and(|response| {
        let text = String::from_utf8_lossy(&response.body).into_owned();
        response.status == 503 && text.contains("too-busy")
    })
}

/// What a worker holds at most, and parts of which eight and no ninth fit into it.
const HELD_BYTES_MAX: usize = 128 << 20;
const PART: usize = 15 << 20;

#[test]
fn bodies_that_never_end_do_not_fill_the_worker() {
    let host = start();
    let case = allowed();
    let part = vec![b' '; 2 << 20];
    let streams: Vec<Stream> = (0..HELD_BYTES_MAX / part.len())
        .map(|_| {
            let stream = begin(&host, &case);
            stream.request_body(&part, false);
            stream
        })
        .collect();
    assert!(streams.iter().all(|stream| stream.response().is_none()));
    let more = || {
        let stream = begin(&host, &case);
        stream.request_body(b" ", false);
        is_refused_as_busy(&stream)
    };
    assert!(more() && !passes(&host), "nothing more is held");
    assert!(streams.iter().all(|stream| stream.response().is_none()), "who was first stays");
    streams[0].close();
    assert!(!more() && passes(&host), "what is given back is there for others");
    assert!(host.faults().is_empty() && host.trap().is_none());
}

#[test]
fn answers_to_lookups_do_not_fill_the_worker() {
    let host = start();
    let case = row(|case| case.name == "zone-create: with the account that clients name");
    let answer = || CalloutResponse::new(200, vec![b' '; PART]);
    let streams: Vec<Stream> = (0..=HELD_BYTES_MAX / PART).map(|_| send(&host, &case)).collect();
    for stream in &streams {
        let [first, _second] = stream.callouts().try_into().unwrap();
        assert!(stream.answer_callout(first.token, answer()));
    }
    let (last, others) = streams.split_last().unwrap();
    assert!(is_refused_as_busy(last) && last.forwarded().is_none());
    assert!(others.iter().all(|stream| stream.response().is_none()));
    // Its other answer comes late, and changes nothing.
    for callout in last.callouts() {
        last.answer_callout(callout.token, answer());
    }
    for stream in &streams {
        stream.close();
    }
    assert!(passes(&host) && host.faults().is_empty() && host.trap().is_none());
}

#[test]
fn responses_that_never_end_do_not_fill_the_worker() {
    let host = start();
    let case = row(|case| {
        matches!(case.expected, Expected::Allow { .. })
            && case.method == "GET"
            && case.target.ends_with(b"/zones/example.com.")
            && case.lookups.is_empty()
            && case.upstream.is_some()
    });
    let streams: Vec<Stream> = (0..=HELD_BYTES_MAX / PART)
        .map(|_| {
            let stream = begin(&host, &case);
            assert!(stream.forwarded().is_some());
            let mut headers = upstream(&case, Delivery::Whole).unwrap().headers;
            headers.remove("content-length");
            stream.response_headers(&headers, false);
            stream.response_body(&vec![b' '; PART], false);
            stream
        })
        .collect();
    let (last, others) = streams.split_last().unwrap();
    assert!(is_refused_as_busy(last));
    assert!(others.iter().all(|stream| stream.response().is_none()));
    for stream in &streams {
        stream.close();
    }
    assert!(passes(&host) && host.faults().is_empty() && host.trap().is_none());
}

#[test]
fn decisions_are_counted() {
    let host = start();
    let name = "zonegate_decisions=.=allow;.;_total";
    assert_eq!(host.metric(name), Some(0), "{:?}", host.metrics().keys());
    assert!(passes(&host));
    assert_eq!(host.metric(name), Some(1));
    assert!(matches!(host.metrics().get("zonegate_bundle_version"), Some(Metric::Gauge(_))));
}

#[test]
fn memory_does_not_grow_with_requests() {
    let host = start();
    for _ in 0..50 {
        passes(&host);
    }
    let before = host.memory_bytes();
    for _ in 0..500 {
        passes(&host);
    }
    assert_eq!(host.memory_bytes(), before);
}

#[test]
fn a_request_costs_the_same_every_time_and_little() {
    let host = start();
    let case = allowed();
    at_the_time_of(&host, &case);
    let cost = || {
        let sent = request(&case, Delivery::Whole).unwrap();
        host.exchange(&sent, none, |_| upstream(&case, Delivery::Whole)).cost()
    };
    let first = cost();
    let costs: Vec<u64> = (0..5).map(|_| cost()).collect();
    println!("the first request took {first} instructions, later ones {costs:?}");
    let (least, most) = (costs.iter().min().unwrap(), costs.iter().max().unwrap());
    assert!(most - least < least / 10, "{costs:?}");
}
