//! `zonegate routes`: what the gate knows of each provider's API.

use zonegate_engine::bundle::providers;
use zonegate_engine::provider::{Provider, Route};

use crate::arguments::Format;
use crate::exit::Exit;
use crate::nearest::hint;
use crate::output::{Ink, Paint, columns, failure, json, line};

/// List the routes that the gate knows, and what each of them means.
///
/// What is not listed is denied.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// One provider; all of them unless it is given
    #[arg(value_name = "PROVIDER")]
    provider: Option<String>,
}

/// Prints the routes.
pub(crate) fn run(arguments: &Arguments, format: Format) -> Exit {
    let all = match providers() {
        Ok(all) => all,
        Err(problems) => {
            for problem in problems {
                failure(problem.to_string());
            }
            return Exit::Failure;
        }
    };
    let is_wanted =
        |one: &&Provider| arguments.provider.as_ref().is_none_or(|name| one.name() == name);
    let wanted: Vec<&Provider> = all.iter().filter(is_wanted).collect();
    if wanted.is_empty() {
        let names = all.iter().map(Provider::name).collect::<Vec<_>>().join(", ");
        let asked = arguments.provider.as_deref().unwrap_or_default();
        let hint = hint(asked, all.iter().map(Provider::name));
        failure(format!("there is no provider `{asked}`{hint}; the providers are {names}"));
        return Exit::Failure;
    }
    if format == Format::Json {
        json(&wanted.iter().map(|provider| provider_json(provider)).collect::<Vec<_>>());
        return Exit::Ok;
    }
    let paint = Paint::stdout();
    for provider in wanted {
        line(paint.ink(Ink::Strong, provider.title()));
        let rows: Vec<Vec<String>> = provider.routes().iter().map(row).collect();
        columns(&rows).iter().for_each(line);
    }
    Exit::Ok
}

/// Method, path, actions and notes of one route.
fn row(route: &Route) -> Vec<String> {
    let (method, path) = route.pattern().split_once(' ').unwrap_or(("", route.pattern()));
    let told_by = route.told_by().map(|header| format!("with `{header}`"));
    let by_body = route.reads_body().then(|| "decided by its body".to_owned());
    let notes: Vec<_> = told_by.into_iter().chain(by_body).collect();
    vec![method.to_owned(), path.to_owned(), actions(route).join(" "), notes.join(", ")]
}

/// The names of a route's actions.
fn actions(route: &Route) -> Vec<&'static str> {
    route.actions().into_iter().map(zonegate_engine::operation::Action::name).collect()
}

/// One provider as a program reads it.
fn provider_json(provider: &Provider) -> serde_json::Value {
    let routes = provider.routes().iter().map(|route| {
        let (method, path) = route.pattern().split_once(' ').unwrap_or(("", route.pattern()));
        serde_json::json!({ "id": route.id(), "method": method, "path": path,
            "actions": actions(route), "reads_body": route.reads_body(),
            "told_by": route.told_by(),
            "docs": route.docs(), "verified": route.verified() })
    });
    let routes: Vec<_> = routes.collect();
    serde_json::json!({ "provider": provider.name(), "title": provider.title(), "routes": routes })
}
