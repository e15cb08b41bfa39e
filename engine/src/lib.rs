//! Zonegate's decision engine: a request, a bundle, a time and lookup answers go in, a decision
//! comes out.
pub mod decision;
pub mod operation;
pub mod problem;
pub mod json;
pub mod name;
pub mod record_type;
pub mod request;
