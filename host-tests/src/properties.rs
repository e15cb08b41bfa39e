//! Properties: facts about a request that a guest asks for by a path.
//!
//! A test fills a tree (`source.address`, `xds.route_metadata.filter_metadata.…`,
//! `connection.tls_version`); what follows from the request itself (`request.path` and so on) is
//! worked out by the stream. Numbers are eight little-endian bytes, as Envoy writes them.
//! Asking for a whole subtree is refused, as Envoy refuses it for most of them.

use crate::abi::Status;
use std::collections::BTreeMap;

/// A tree of properties.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Properties {
    /// Top-level names.
    root: BTreeMap<String, Node>,
}

/// A value or a subtree.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Node {
    /// A value, as the guest sees it.
    Value(Vec<u8>),
    /// Values below names.
    Tree(BTreeMap<String, Node>),
}

impl Properties {
    /// No properties.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets text or bytes at a path; what stood at a shorter path gives way to the tree.
    pub fn set(&mut self, path: &[&str], value: impl Into<Vec<u8>>) -> &mut Self {
        if let Some((last, parents)) = path.split_last() {
            let mut tree = &mut self.root;
            for name in parents {
                let node = tree
                    .entry((*name).to_owned())
                    .and_modify(|node| {
                        if matches!(node, Node::Value(_)) {
                            *node = Node::Tree(BTreeMap::new());
                        }
                    })
                    .or_insert_with(|| Node::Tree(BTreeMap::new()));
                match node {
                    Node::Tree(below) => tree = below,
                    Node::Value(_) => return self,
                }
            }
            tree.insert((*last).to_owned(), Node::Value(value.into()));
        }
        self
    }

    /// Sets a whole number at a path.
    pub fn set_number(&mut self, path: &[&str], value: i64) -> &mut Self {
        self.set(path, value.to_le_bytes())
    }

    /// Removes a value or a subtree.
    pub fn remove(&mut self, path: &[&str]) -> &mut Self {
        if let Some((last, parents)) = path.split_last() {
            let mut tree = &mut self.root;
            for name in parents {
                match tree.get_mut(*name) {
                    Some(Node::Tree(below)) => tree = below,
                    Some(Node::Value(_)) | None => return self,
                }
            }
            tree.remove(*last);
        }
        self
    }

    /// The value at a path, or the status that a guest gets instead.
    pub fn get(&self, path: &[&str]) -> Result<Vec<u8>, Status> {
        let (last, parents) = path.split_last().ok_or(Status::SerializationFailure)?;
        let mut tree = &self.root;
        for name in parents {
            match tree.get(*name) {
                Some(Node::Tree(below)) => tree = below,
                Some(Node::Value(_)) | None => return Err(Status::NotFound),
            }
        }
        match tree.get(*last) {
            Some(Node::Value(value)) => Ok(value.clone()),
            Some(Node::Tree(_)) => Err(Status::SerializationFailure),
            None => Err(Status::NotFound),
        }
    }
}

/// Splits a path as a guest writes it: parts separated by zero bytes.
pub(crate) fn split_path(path: &[u8]) -> Vec<String> {
    let path = path.strip_suffix(&[0]).unwrap_or(path);
    path.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_found_and_subtrees_are_refused() {
        let mut tree = Properties::new();
        tree.set(&["source", "address"], "10.0.0.1:5").set_number(&["source", "port"], 5);
        assert_eq!(tree.get(&["source", "address"]).unwrap(), b"10.0.0.1:5");
        assert_eq!(tree.get(&["source", "port"]).unwrap(), 5_i64.to_le_bytes());
        assert_eq!(tree.get(&["source"]), Err(Status::SerializationFailure));
        assert_eq!(tree.get(&["source", "address", "x"]), Err(Status::NotFound));
        assert_eq!(tree.get(&["nothing"]), Err(Status::NotFound));
        tree.remove(&["source", "address"]);
        assert_eq!(tree.get(&["source", "address"]), Err(Status::NotFound));
    }

    #[test]
    fn a_tree_replaces_a_value() {
        let mut tree = Properties::new();
        tree.set(&["a"], "x").set(&["a", "b"], "y");
        assert_eq!(tree.get(&["a", "b"]).unwrap(), b"y");
    }

    #[test]
    fn paths_are_split_at_zero_bytes() {
        assert_eq!(split_path(b"source\0address"), ["source", "address"]);
        assert_eq!(split_path(b"source\0"), ["source"]);
    }
}
