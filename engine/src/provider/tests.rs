//! The shipped provider file, and what real clients and attackers send.
use super::Provider;

#[test]
fn the_shipped_file_has_no_problems() {
    if let Err(problems) = Provider::parse("powerdns.toml", super::POWERDNS) {
        let list: Vec<_> = problems.iter().map(ToString::to_string).collect();
        panic!("{}", list.join("\n"));
    }
}
