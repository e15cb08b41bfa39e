//! Reading field by field: every problem of a file at once, each at its line; and what the tests
//! of the files' readers share.

use super::*;

/// What a reader gives back.
pub(crate) type Read<T> = Result<(T, Vec<Problem>), Vec<Problem>>;

/// Asserts that a file has exactly one problem, at this line, with these words in its message and
/// its help.
pub(crate) fn refused<T>(read: Read<T>, text: &str, line: usize, message: &str, help: &str) {
    let Err(problems) = read else { panic!("accepted:\n{text}") };
    let [problem] = problems.as_slice() else { panic!("not one problem: {problems:#?}\n{text}") };
    holds(problem, text, line, message, help);
}

/// Asserts that a file is read, with exactly one warning.
pub(crate) fn warned<T>(read: Read<T>, text: &str, line: usize, message: &str, help: &str) {
    let warnings = match read {
        Ok((_, warnings)) => warnings,
        Err(problems) => panic!("refused: {problems:#?}\n{text}"),
    };
    let [warning] = warnings.as_slice() else { panic!("not one warning: {warnings:#?}\n{text}") };
    holds(warning, text, line, message, help);
}

/// Asserts the line and words of a problem.
fn holds(problem: &Problem, text: &str, line: usize, message: &str, help: &str) {
    assert_eq!(problem.line, Some(line), "{problem}\n{text}");
    assert!(problem.message.contains(message), "message: {problem}\nwanted: {message}\n{text}");
    let found = problem.help.clone().unwrap_or_default();
    assert!(found.contains(help), "help: {problem}\nwanted: {help}\n{text}");
    assert!(!problem.message.contains('\n') && !problem.message.ends_with('.'), "{problem}");
}

/// Asserts that a file is read without warnings, and gives what was read.
pub(crate) fn accepted<T>(read: Read<T>) -> T {
    match read {
        Ok((value, warnings)) => {
            assert_eq!(warnings, []);
            value
        }
        Err(problems) => panic!("refused: {problems:#?}"),
    }
}

/// Reads a file with one field of each kind.
fn read(text: &str) -> Read<(String, bool)> {
    let source = Source::new("test.toml", text);
    let tree = source.tree();
    let root = source.root(&tree);
    let text = root.required_text("text", "say something").map(|text| text.value);
    let flag = root.flag("flag");
    root.texts("texts");
    root.text_or_datetime("date", "2026-01-01");
    root.text_map("map");
    for section in root.tables("list", "a thing") {
        section.text("name");
        section.done();
    }
    for (_, section) in root.named("thing") {
        section.done();
    }
    root.done();
    source.finish((text.unwrap_or_default(), flag))
}

#[test]
fn every_kind_of_field_is_read() {
    let text = "text = 'a'\nflag = true\ntexts = ['b']\ndate = 2026-01-01\nmap = { c = 'd' }\n\
                [[list]]\nname = 'e'\n[thing.f-1]\n";
    assert_eq!(accepted(read(text)), ("a".to_owned(), true));
}

#[test]
fn every_wrong_field_is_named_with_its_line() {
    for (wrong, line, message, help) in [
        ("", 1, "the file has no `text`", "say something"),
        ("text = ' '", 1, "has an empty `text`", "say something"),
        ("text = 7", 1, "has a number in `text`, where a text belongs", "text = \"...\""),
        ("\ntext = []", 2, "has a list in `text`", "text = \"...\""),
        ("text = 'a'\nflag = 'true'", 2, "has a text in `flag`", "flag = true"),
        ("text = 'a'\ntexts = 'b'", 2, "has a text in `texts`", "texts = [\"...\"]"),
        ("text = 'a'\ntexts = [\n'b',\n7]", 4, "has a number in `texts`", "texts = [\"...\"]"),
        ("text = 'a'\ndate = 7", 2, "has a number in `date`", "2026-01-01"),
        ("text = 'a'\nmap = 'b'", 2, "has a text in `map`", "map = {"),
        ("text = 'a'\nmap = { b = 1 }", 2, "has a number in `map`", "map = {"),
        ("text = 'a'\nlist = 'b'", 2, "has a text in `list`", "[[list]]"),
        ("text = 'a'\nlist = ['b']", 2, "has a text in `list`", "[[list]]"),
        ("text = 'a'\n[list]", 2, "has a table in `list`", "[[list]]"),
        ("text = 'a'\nthing = 'b'", 2, "has a text in `thing`", "[thing.some-name]"),
        ("text = 'a'\n[thing]\nb = 1", 3, "the thing `b` is not a table", "[thing.b]"),
        ("text = 'a'\n[thing.B]", 2, "the thing `B` has a bad name", "lower case letters"),
        ("text = 'a'\n[thing.-b]", 2, "it begins with a hyphen", "begins with a letter"),
        ("text = 'a'\n[thing.'']", 2, "it is empty", "1 to 64"),
        ("text = 'a'\ntxets = []", 2, "has an unknown field `txets`", "did you mean `texts`?"),
        ("text = 'a'\nwhatever = 1", 2, "has an unknown field `whatever`", "one field of: text,"),
        ("text = 'a'\n[[list]]\nnmae = 'b'", 3, "a thing has an unknown field", "`name`"),
        ("text = 'a'\ntext = 'b'", 2, "this is not TOML: duplicate key", ""),
        ("text = 'a'\n\"\\u001b[31m\" = 1", 2, "`\\u{1b}[31m`", "one field"),
    ] {
        refused(read(wrong), wrong, line, message, help);
    }
}

#[test]
fn all_problems_come_at_once_in_the_order_of_lines() {
    let problems = read("flag = 1\ntexts = 'a'\nwrong = 1\n[thing.B]\n").expect_err("refused");
    let lines: Vec<Option<usize>> = problems.iter().map(|problem| problem.line).collect();
    assert_eq!(lines, [Some(1), Some(1), Some(2), Some(3), Some(4)]);
}

#[test]
fn what_is_not_toml_is_a_problem_with_a_line() {
    for text in
        ["text = ", "text = 'a'\nflag = tru", "text = 'a", "text = 'a'\n[[list]", "\u{feff}="]
    {
        let problems = read(text).expect_err(text);
        let named = problems.iter().find(|one| one.message.starts_with("this is not TOML: "));
        assert!(named.is_some_and(|problem| problem.line.is_some()), "{problems:#?}\n{text}");
    }
}

#[test]
fn identifiers_are_short_and_plain() {
    for good in ["a", "0", "office-2", "acme-challenge", &"a".repeat(64)] {
        assert_eq!(identifier_fault(good), None, "{good}");
    }
    for bad in ["", "-a", "A", "a_b", "a.b", "a b", "ä", "a/b", "a\0", &"a".repeat(65)] {
        assert!(identifier_fault(bad).is_some(), "{bad}");
    }
}

#[test]
fn what_stands_in_a_message_is_one_short_line() {
    assert_eq!(printable("a\nb\u{1b}`"), "a\\nb\\u{1b}`");
    assert_eq!(printable(&"x".repeat(81)), format!("{}...", "x".repeat(80)));
}

#[test]
fn the_nearest_name_is_suggested() {
    let right = ["office", "build", "home"];
    assert_eq!(
        one_of("network", "ofice", right.into_iter()),
        "did you mean `office`? One network of: office, build, home"
    );
    assert_eq!(one_of("network", "lab", right.into_iter()), "one network of: office, build, home");
    assert_eq!(one_of("network", "lab", std::iter::empty()), "there is no network yet");
}
