//! What wit-bindgen makes of the world `wasi:http/middleware`, whose text is in `wit/`.
#![expect(
    clippy::same_length_and_capacity,
    reason = "generated: the host hands over exact buffers"
)]

wit_bindgen::generate!({
    world: "wasi:http/middleware@0.3.2",
    path: "wit",
    generate_all,
});
