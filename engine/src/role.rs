//! Roles, `roles.toml`: the closed list of groups that keys belong to and policies speak of.
//!
//! ```toml
//! [role.zone-editor]
//! description = "people who edit whole zones"
//! ```
//!
//! The list is closed so that a misspelt role is an error: in a `forbid` it would forbid nobody.

use crate::problem::Problem;
use crate::settings::Source;

/// How many roles a bundle may have.
pub const ROLES_MAX: usize = 1024;

/// Reads `roles.toml`; gives the names and what is doubtful, or everything wrong.
pub fn parse(file: &str, text: &str) -> Result<(Vec<String>, Vec<Problem>), Vec<Problem>> {
    let source = Source::new(file, text);
    let tree = source.tree();
    let root = source.root(&tree);
    let mut names = Vec::new();
    for (name, section) in root.named("role") {
        if names.len() == ROLES_MAX {
            source.problem(
                name.offset,
                format!("there are more than {ROLES_MAX} roles"),
                "use key attributes",
            );
        }
        section.required_text("description", "say who has this role");
        section.allows();
        section.done();
        names.push(name.value);
    }
    root.done();
    source.finish(names)
}
