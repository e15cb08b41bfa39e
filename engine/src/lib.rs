//! Zonegate's decision engine: a request, a bundle, a time and lookup answers go in, a decision
//! comes out.
//!
//! Read [`session`] first: it walks one request from its headers to its decision, and its
//! response back. On the way it needs
//!
//! | module | for |
//! |---|---|
//! | [`request`] | method and target, canonical or refused |
//! | [`key`] | who asks: the key's format, the table of keys, comparison in constant time |
//! | [`provider`] | what is asked: a provider's file turns a request into operations |
//! | [`operation`] | the provider-neutral vocabulary: actions on zones and records |
//! | [`name`], [`record_type`], [`value`], [`json`] | DNS names, types, values and JSON, strictly |
//! | [`policy`] | whether it may: Cedar policies, indexed by scope |
//! | [`pattern`], [`network`], [`window`], [`role`] | the named things that policies speak of |
//! | [`bundle`] | all of that, checked and packed |
//! | [`decision`] | why not: reasons with stable codes |
//!
//! # What this crate does not do
//! It performs no I/O, reads no clock, writes no log and knows no proxy. Bytes and times are
//! arguments, lookups are values that somebody else performs. It never panics: what is not
//! understood is denied.
#![forbid(unsafe_code)]

pub mod bundle;
pub mod decision;
pub mod json;
mod kept;
pub mod key;
pub mod name;
pub mod network;
pub mod operation;
pub mod pattern;
pub mod policy;
pub mod problem;
pub mod provider;
pub mod record_type;
pub mod request;
pub mod role;
mod rows;
pub mod session;
mod settings;
pub mod value;
pub mod window;
