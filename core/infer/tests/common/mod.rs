//! What several tests need: assets, cards of a few lines, and ONNX files written by hand.
#![allow(dead_code, clippy::disallowed_methods, clippy::disallowed_types)] // each test uses a part; tests may read files

use std::{fs, path::PathBuf};

use inbetween_card::{Card, ModelSpec};

/// The bytes of an asset, or a line that says that the test was skipped and why.
pub fn asset(path: &str) -> Option<Vec<u8>> {
    let default = || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../assets"));
    let root = std::env::var_os("INBETWEEN_ASSETS").map_or_else(default, PathBuf::from);
    let file = root.join(path);
    let bytes = fs::read(&file).ok();
    if bytes.is_none() {
        println!("SKIPPED: no {path}; run cargo xtask assets");
    }
    bytes
}

/// A file of the repository.
pub fn file(path: &str) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The model section of a card, from its input, head and whatever else it states.
pub fn spec(model: &str) -> ModelSpec {
    let text = format!(
        "[decision]\ntext = \"test\"\n[tolerance]\nepsilon = 1\nmiss_rate = 0.1\n[budget]\ndeadline_ms = 50\n\
         max_age_ms = 500\n[model]\nname = \"m\"\nversion = 1\nfile = \"m.onnx\"\n{model}"
    );
    Card::parse(&text).unwrap_or_else(|e| panic!("{e}\n{text}")).model
}

/// The protobuf messages of ONNX, written field by field.
pub mod onnx {
    fn varint(out: &mut Vec<u8>, mut n: u64) {
        while n >= 0x80 {
            out.push(n as u8 | 0x80);
            n >>= 7;
        }
        out.push(n as u8);
    }

    /// A length-delimited field.
    pub fn field(number: u64, inner: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        varint(&mut out, number << 3 | 2);
        varint(&mut out, inner.len() as u64);
        out.extend_from_slice(inner);
        out
    }

    /// A number field.
    pub fn number(number: u64, value: i64) -> Vec<u8> {
        let mut out = Vec::new();
        varint(&mut out, number << 3);
        varint(&mut out, value as u64);
        out
    }

    /// Float32 in ONNX.
    pub const FLOAT: i64 = 1;
    /// Int64 in ONNX.
    pub const INT64: i64 = 7;

    /// A graph input or output.
    pub fn value(name: &str, elem: i64, dims: &[i64]) -> Vec<u8> {
        let dims: Vec<u8> = dims.iter().flat_map(|d| field(1, &number(1, *d))).collect();
        let tensor = [number(1, elem), field(2, &dims)].concat();
        [field(1, name.as_bytes()), field(2, &field(1, &tensor))].concat()
    }

    /// A tensor with raw data.
    pub fn tensor(name: &str, elem: i64, dims: &[i64], raw: &[u8]) -> Vec<u8> {
        let dims: Vec<u8> = dims.iter().flat_map(|d| number(1, *d)).collect();
        [dims, number(2, elem), field(8, name.as_bytes()), field(9, raw)].concat()
    }

    /// An int64 tensor.
    pub fn int64s(name: &str, values: &[i64]) -> Vec<u8> {
        let raw: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        tensor(name, INT64, &[values.len() as i64], &raw)
    }

    /// A node; `attributes` are encoded already.
    pub fn node(op: &str, inputs: &[&str], outputs: &[&str], attributes: &[Vec<u8>]) -> Vec<u8> {
        let mut out = Vec::new();
        for i in inputs {
            out.extend(field(1, i.as_bytes()));
        }
        for o in outputs {
            out.extend(field(2, o.as_bytes()));
        }
        out.extend(field(3, format!("{op}_{}", outputs.join("_")).as_bytes()));
        out.extend(field(4, op.as_bytes()));
        for a in attributes {
            out.extend(field(5, a));
        }
        out
    }

    /// An attribute that holds a graph.
    pub fn graph_attribute(name: &str, graph: &[u8]) -> Vec<u8> {
        [field(1, name.as_bytes()), field(6, graph), number(20, 5)].concat()
    }

    /// A graph.
    pub fn graph(
        nodes: &[Vec<u8>],
        initializers: &[Vec<u8>],
        inputs: &[Vec<u8>],
        outputs: &[Vec<u8>],
    ) -> Vec<u8> {
        let mut out = field(2, b"g");
        for n in nodes {
            out.extend(field(1, n));
        }
        for t in initializers {
            out.extend(field(5, t));
        }
        for v in inputs {
            out.extend(field(11, v));
        }
        for v in outputs {
            out.extend(field(12, v));
        }
        out
    }

    /// A model of operator set 13.
    pub fn model(graph: &[u8]) -> Vec<u8> {
        [number(1, 8), field(7, graph), field(8, &number(2, 13))].concat()
    }
}
