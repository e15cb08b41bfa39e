//! The shipped tables.

use std::sync::OnceLock;

use zonegate_cases::Tables;

use crate::built;

/// The shipped tables, read once.
pub(crate) fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        Tables::load_dir(built::project().join("policies/cases")).unwrap_or_else(|all| {
            let lines: Vec<String> = all.iter().map(ToString::to_string).collect();
            panic!("the tables cannot be read:\n{}", lines.join("\n"))
        })
    })
}
