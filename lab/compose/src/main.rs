//! `zonegate-compose MIDDLEWARE HANDLER OUTPUT`: one component of two, in which the middleware's
//! `wasi:http/handler` is the handler's; what `wac plug MIDDLEWARE --plug HANDLER` does.

use std::error::Error;

use wac_graph::types::Package;
use wac_graph::{CompositionGraph, EncodeOptions, plug};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [middleware, handler, output] = arguments.as_slice() else {
        return Err("usage: zonegate-compose MIDDLEWARE HANDLER OUTPUT".into());
    };
    let mut graph = CompositionGraph::new();
    let mut add = |name: &str, file: &str| -> Result<_, Box<dyn Error>> {
        let package = Package::from_file(name, None, file, graph.types_mut())?;
        Ok(graph.register_package(package)?)
    };
    let socket = add("zonegate:middleware", middleware)?;
    let behind = add("zonegate:handler", handler)?;
    plug(&mut graph, vec![behind], socket)?;
    std::fs::write(output, graph.encode(EncodeOptions::default())?)?;
    Ok(())
}
