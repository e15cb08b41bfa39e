//! A provider file ready for use.
//!
//! Whether its parts fit together is checked when a bundle is packed; a filter reads the result, as
//! it does with policies. Where something is missing all the same, the request is denied.

use serde::Deserialize as _;

use crate::problem::Problem;

use super::file::{Credential, File, RouteForm};
use super::route::Pattern;
use super::{CredentialScheme, Provider, Route};

/// Reads a provider file that a bundle carries.
pub(super) fn from_json(json: serde_json::Value) -> Result<Provider, Vec<Problem>> {
    let file = File::deserialize(json)
        .map_err(|error| vec![Problem::new("bundle", format!("a provider: {error}"))])?;
    build(file)
}

/// Prepares a file's routes and credentials.
pub(super) fn build(mut file: File) -> Result<Provider, Vec<Problem>> {
    let name = file.provider.clone();
    let forms = std::mem::take(&mut file.route);
    let routes = forms.into_iter().map(|form| {
        let id = form.id.clone();
        route(&file, form).ok_or_else(|| {
            vec![Problem::new("bundle", format!("the route `{name}/{id}` cannot be read"))]
        })
    });
    let routes = routes.collect::<Result<Vec<_>, _>>()?;
    let credentials = file.credential.iter().filter_map(scheme).collect();
    Ok(Provider { file, routes, credentials })
}

/// One route; none if its pattern or source cannot be read.
fn route(file: &File, form: RouteForm) -> Option<Route> {
    let slash = form.trailing_slash;
    let pattern = Pattern { slash, ..Pattern::parse(&form.pattern).ok()? };
    let source = file.source.get(&form.source)?;
    let (docs, verified) = (source.docs.clone(), source.verified.0.clone());
    Some(Route { form, pattern, docs, verified })
}

/// The place of a credential in headers; none where it stands in a body.
pub(super) fn scheme(credential: &Credential) -> Option<CredentialScheme> {
    if credential.basic.is_some() {
        return Some(CredentialScheme::BasicPassword);
    }
    Some(CredentialScheme::Header {
        name: credential.header.as_ref()?.to_ascii_lowercase(),
        prefix: credential.prefix.clone(),
        after_colon: credential.after_colon,
        beside: credential.beside.as_ref().map(|name| name.to_ascii_lowercase()),
    })
}
