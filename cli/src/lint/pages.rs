//! The names of all lints, and the page that explains each.

/// One lint.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lint {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it finds, in one line.
    pub(crate) summary: &'static str,
    /// Its page, Markdown.
    pub(crate) page: &'static str,
}

/// Declares the lints; each has a page of its name.
macro_rules! lints {
    ($($name:literal, $summary:literal;)*) => {
        /// Every lint, by name.
        pub(crate) const LINTS: &[Lint] = &[$(Lint {
            name: $name,
            summary: $summary,
            page: include_str!(concat!("pages/", $name, ".md")),
        },)*];
    };
}

lints! {
    "editor-schema-outdated",
    "the schema that editors look at cannot be written anew";
    "folder-without-tables", "no decision tables";
    "found-nothing", "no request was found that a policy applies to";
    "idle-exception", "an exception on a day on which the window would not open";
    "key-without-expiry", "a key that never expires";
    "key-without-rights", "a key that nothing is permitted to";
    "like-open-end", "a `like` pattern on a whole name ends with `*`";
    "like-over-dots", "a `*` inside a `like` pattern goes over dots";
    "like-wildcard-record", "a `like` pattern matches the wildcard record too";
    "like-without-dot", "`like \"*example.com\"` also matches evilexample.com";
    "needless-allow", "a lint is allowed where it does not occur";
    "nested-ranges", "a range inside another one of the same network";
    "network-of-everything", "a network of all addresses";
    "never-applies", "a policy whose conditions exclude one another";
    "permit-everywhere", "a permit that does not ask for the zone";
    "permit-for-everybody", "a permit that does not ask for the key";
    "policy-without-doc", "a policy that does not say whom it is for";
    "policy-without-scope", "a policy that every request must evaluate";
    "regex-alternatives", "`a|b\\.c`: alternatives of which only some have a dot";
    "regex-anchors", "`^` and `$` in an expression that is anchored anyway";
    "regex-bare-dot", "a `.` where a dot was meant";
    "regex-dead-branch", "an alternative that can never match";
    "regex-loose", "an expression that begins and ends with `.*`";
    "regex-open-start", "`.*foo` also matches evilfoo";
    "repeated-entry", "something twice in a list";
    "role-without-members", "a role that no key has";
    "role-without-policy", "a role that no policy mentions";
    "unknown-lint", "a lint is allowed that does not exist";
    "value-rule-on-deletion", "one rule about values for creations and deletions";
    "window-never-opens", "a window that is over";
}

/// The lint of this name.
pub(crate) fn find(name: &str) -> Option<&'static Lint> {
    LINTS.iter().find(|lint| lint.name == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lints_are_sorted_and_every_page_begins_with_its_name() {
        assert!(LINTS.is_sorted_by(|one, next| one.name < next.name));
        for lint in LINTS {
            assert!(lint.page.starts_with(&format!("# {}\n", lint.name)), "{}", lint.name);
            assert!(lint.page.contains("\n## What to do\n"), "{}", lint.name);
            assert!(lint.page.lines().all(|line| line.chars().count() <= 120), "{}", lint.name);
        }
    }
}
