//! The Cedar schema: a fixed part that policy authors read, and the closed lists of a deployment.
//!
//! The fixed part is `policies/schema.cedarschema`, compiled in, so that a policies folder cannot
//! weaken it. The lists (roles, patterns, networks, windows, routes, record types) are generated
//! as enumerated entity types: a misspelt name in a policy is then an error that names the right
//! ones, not a silent miss.

use std::fmt::Write as _;

use cedar_policy::Schema;

use crate::problem::Problem;
use crate::record_type::RecordType;

/// The fixed part of the schema.
pub const FIXED: &str = include_str!("../../../policies/schema.cedarschema");

/// What stands in an otherwise empty list: Cedar's enumerations have at least one member.
const NOBODY: &str = "(none)";

/// The closed lists of one deployment.
#[derive(Clone, Debug, Default)]
pub struct Lists {
    /// Role names.
    pub roles: Vec<String>,
    /// Pattern names.
    pub patterns: Vec<String>,
    /// Network names.
    pub networks: Vec<String>,
    /// Window names.
    pub windows: Vec<String>,
    /// Route ids, as `provider/route`.
    pub routes: Vec<String>,
}

impl Lists {
    /// The whole schema as text: the fixed part and these lists.
    pub fn schema_text(&self) -> String {
        let mut text = String::from(FIXED);
        let types = RecordType::ALL_NAMED.iter().map(|(name, _)| (*name).to_owned());
        let types: Vec<String> = types.chain(["OTHER".to_owned()]).collect();
        for (name, members) in [
            ("RecordType", &types),
            ("Role", &self.roles),
            ("Pattern", &self.patterns),
            ("Network", &self.networks),
            ("Window", &self.windows),
            ("Route", &self.routes),
        ] {
            let members = enumeration(members);
            // Writing to a String cannot fail.
            let _ = writeln!(text, "entity {name} enum [{members}];");
        }
        text
    }

    /// The compiled schema, or what is wrong with it.
    pub fn schema(&self) -> Result<Schema, Problem> {
        Schema::from_cedarschema_str(&self.schema_text())
            .map(|(schema, _warnings)| schema)
            .map_err(|error| Problem::new("schema.cedarschema", error.to_string()))
    }
}

/// The members of an enumeration, quoted; JSON's escapes are Cedar's.
fn enumeration(members: &[String]) -> String {
    let nobody = [NOBODY.to_owned()];
    let members = if members.is_empty() { &nobody[..] } else { members };
    let quoted: Vec<String> =
        members.iter().map(|name| serde_json::Value::from(name.as_str()).to_string()).collect();
    quoted.join(", ")
}
