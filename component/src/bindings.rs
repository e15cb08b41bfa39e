//! What wit-bindgen makes of `wit/policy.wit`.
#![expect(
    clippy::same_length_and_capacity,
    reason = "generated: the host hands over exact buffers"
)]

wit_bindgen::generate!({ world: "policy", path: "wit" });
