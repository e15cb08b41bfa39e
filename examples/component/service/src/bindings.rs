//! What wit-bindgen makes of the world `wasi:http/service`, whose text stands with the middleware.
#![expect(
    clippy::same_length_and_capacity,
    reason = "generated: the host hands over exact buffers"
)]

wit_bindgen::generate!({
    world: "wasi:http/service@0.3.2",
    path: "../../../component/middleware/wit",
    generate_all,
});
