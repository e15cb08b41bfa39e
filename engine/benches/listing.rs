//! What filtering a listing costs, beside what a JSON reader takes to skip the same bytes.
//!
//! Policies are not asked here: this is the cost of finding what they would be asked, and of
//! leaving out what may not be seen. Each is measured in turn and the shortest of each counts,
//! because only the ratio means something. It runs natively (`cargo bench`) and, without a
//! harness that needs more, as WebAssembly: see docs/performance.md.
#![expect(clippy::unwrap_used, reason = "a benchmark may panic")]
#![expect(unsafe_code, reason = "an allocator that counts is unsafe to declare")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::hint::black_box;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde::de::IgnoredAny;
use zonegate_engine::name::{Name, NameForm};
use zonegate_engine::operation::Operation;
use zonegate_engine::provider::{Answer, Provider, ResponseRule};

/// How often each is measured.
const ROUNDS: usize = 200;
/// How many records the page has.
const RECORDS: usize = 5_000;

/// Memory in use.
static USED: AtomicUsize = AtomicUsize::new(0);
/// The most memory in use.
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, counted.
struct Counting;

// SAFETY: everything is the system allocator's.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let used = USED.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(used, Relaxed);
        // SAFETY: as asked.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        USED.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as asked.
        unsafe { System.dealloc(at, layout) }
    }
}

/// What counts.
#[global_allocator]
static COUNTING: Counting = Counting;

/// A page of so many records, as Cloudflare writes them.
fn records(count: usize) -> String {
    let record = |at| {
        format!(
            r#"{{"id":"372e67954025e0ba6aaa6d586b{at:06}","name":"h{at}.example.com","type":"A","content":"198.51.100.4","proxiable":true,"proxied":false,"ttl":3600,"settings":{{}},"meta":{{}},"comment":null,"tags":[],"created_on":"2026-01-01T05:20:00.12345Z","modified_on":"2026-01-01T05:20:00.12345Z"}}"#
        )
    };
    let records: Vec<String> = (0..count).map(record).collect();
    format!(
        r#"{{"result":[{}],"success":true,"errors":[],"messages":[],"info":{{"page":1,"per_page":5000,"count":{count},"total":{count},"pages":1}}}}"#,
        records.join(",")
    )
}

/// Filters a page, of whose entries one in so many is kept; the length of what is left.
fn filtered(provider: &Provider, rule: &ResponseRule, body: &str, one_in: usize) -> usize {
    let mut asked = 0;
    let mut may = |operation: &Operation| {
        black_box(operation);
        asked += 1;
        asked % one_in == 0
    };
    let content_type = Some("application/json");
    let answer = Answer { status: 200, content_type, headers: &[], body: body.as_bytes() };
    provider.filter(rule, answer, "r-1", &mut may).unwrap().body.len()
}

/// Measures and prints.
fn main() {
    let file = include_str!("../src/provider/tests/listings.toml").replace("ALWAYS", "create");
    let provider = Provider::parse("listings.toml", &file).unwrap();
    let zone = Name::parse("example.com", NameForm::Fqdn).unwrap();
    let rule = ResponseRule::new("page".to_owned(), Some(zone));
    let body = records(RECORDS);
    let skip = || {
        serde_json::from_slice::<IgnoredAny>(black_box(body.as_bytes())).unwrap();
    };
    let filter = |one_in| black_box(filtered(&provider, &rule, black_box(&body), one_in));
    let works: [(&str, &dyn Fn()); 3] = [
        ("skipped by serde_json", &skip),
        ("all kept", &|| {
            filter(1);
        }),
        ("one in ten kept", &|| {
            filter(10);
        }),
    ];
    let mut best = [Duration::MAX; 3];
    for _ in 0..ROUNDS {
        for ((_, work), best) in works.iter().zip(&mut best) {
            let start = Instant::now();
            work();
            *best = start.elapsed().min(*best);
        }
    }
    println!("{RECORDS} records, {} bytes, the best of {ROUNDS}", body.len());
    let base = best.first().unwrap().as_secs_f64();
    for ((title, work), time) in works.iter().zip(best) {
        let before = USED.load(Relaxed);
        PEAK.store(before, Relaxed);
        work();
        // The answer itself is held, too.
        let memory = PEAK.load(Relaxed) - before + body.len();
        #[expect(clippy::cast_precision_loss, reason = "a ratio for people")]
        let times = memory as f64 / body.len() as f64;
        let ratio = time.as_secs_f64() / base;
        println!("{title:24} {time:>12.1?} {ratio:6.2} times  memory {times:.2} times");
    }
}
