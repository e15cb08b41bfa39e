//! `zonegate-transpile COMPONENT FOLDER`: the component as JavaScript for Node, as `jco transpile`
//! makes it.

use std::path::Path;

use js_component_bindgen::{TranspileOpts, transpile};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [component, folder] = arguments.as_slice() else {
        return Err("usage: zonegate-transpile COMPONENT FOLDER".into());
    };
    let bytes = std::fs::read(component)?;
    let name = Path::new(component).file_stem().ok_or("no file")?.to_string_lossy().into_owned();
    let made = transpile(&bytes, TranspileOpts::builder().name(name).build())?;
    for (name, content) in made.files {
        let file = Path::new(folder).join(name);
        std::fs::create_dir_all(file.parent().ok_or("no folder")?)?;
        std::fs::write(file, content)?;
    }
    Ok(())
}
