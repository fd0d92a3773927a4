//! A walk over the bytes of an ONNX file before anything is parsed: counts, allocates nothing.
//! **Invariant:** terminates after at most one visit of each byte per nesting level, and never recurses past a limit.
//! It does not build messages: the parser may do so once the counts are known to be small.

use crate::error::LoadError;

/// The messages of `onnx.proto` that can multiply.
#[derive(Clone, Copy)]
enum Kind {
    Model,
    Graph,
    Node,
    Attribute,
    Function,
    Training,
    Sparse,
    Annotation,
    Tensor,
    Value,
    Type,
    TensorType,
    Shape,
    /// A message or field whose inside is only counted.
    Leaf,
}

impl Kind {
    /// The message in field `field` of this one.
    const fn child(self, field: u64) -> Self {
        match (self, field) {
            (Self::Model, 7) | (Self::Attribute, 6 | 11) | (Self::Training, 1 | 2) => Self::Graph,
            (Self::Model, 20) => Self::Training,
            (Self::Model, 25) => Self::Function,
            (Self::Graph, 1) | (Self::Function, 7) => Self::Node,
            (Self::Node, 5) => Self::Attribute,
            (Self::Graph, 15) | (Self::Attribute, 22 | 23) => Self::Sparse,
            (Self::Graph, 14) => Self::Annotation,
            (Self::Graph, 5) | (Self::Attribute, 5 | 10) | (Self::Sparse, 1 | 2) => Self::Tensor,
            (Self::Graph, 11..=13) => Self::Value,
            (Self::Value, 2) | (Self::Attribute, 15) => Self::Type,
            (Self::Type, 1) => Self::TensorType,
            (Self::TensorType, 2) => Self::Shape,
            _ => Self::Leaf,
        }
    }
}

/// Counts the messages and strings in `bytes`.
///
/// # Errors
/// When there are more than `max_items`, nested deeper than `max_depth`, or the bytes are not a protobuf message.
pub(crate) fn walk(bytes: &[u8], max_items: usize, max_depth: usize) -> Result<usize, LoadError> {
    let mut walk = Walk { items: 0, max_items, max_depth };
    // One level of graphs is Graph, Node and Attribute; below the last, a value's shape is five levels deep.
    walk.message(bytes, Kind::Model, 3 * max_depth + 7)?;
    Ok(walk.items)
}

struct Walk {
    items: usize,
    max_items: usize,
    max_depth: usize,
}

impl Walk {
    fn message(&mut self, mut rest: &[u8], kind: Kind, depth: usize) -> Result<(), LoadError> {
        if depth == 0 {
            return Err(LoadError::TooMany { what: "levels of nested graphs", limit: self.max_depth });
        }
        while !rest.is_empty() {
            let tag = varint(&mut rest)?;
            match tag & 7 {
                0 => {
                    varint(&mut rest)?;
                }
                1 => skip(&mut rest, 8)?,
                5 => skip(&mut rest, 4)?,
                2 => {
                    let length = usize::try_from(varint(&mut rest)?).map_err(|_| truncated())?;
                    let (inner, after) = rest.split_at_checked(length).ok_or_else(truncated)?;
                    rest = after;
                    self.items += 1;
                    if self.items > self.max_items {
                        return Err(LoadError::TooMany {
                            what: "messages and strings",
                            limit: self.max_items,
                        });
                    }
                    match kind.child(tag >> 3) {
                        Kind::Leaf => {}
                        child => self.message(inner, child, depth - 1)?,
                    }
                }
                wire => {
                    return Err(LoadError::Malformed { reason: format!("protobuf wire type {wire}") });
                }
            }
        }
        Ok(())
    }
}

fn varint(rest: &mut &[u8]) -> Result<u64, LoadError> {
    let mut value = 0_u64;
    for (i, &byte) in rest.iter().take(10).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * i);
        if byte < 0x80 {
            *rest = &rest[i + 1..];
            return Ok(value);
        }
    }
    Err(truncated())
}

fn skip(rest: &mut &[u8], n: usize) -> Result<(), LoadError> {
    *rest = rest.get(n..).ok_or_else(truncated)?;
    Ok(())
}

fn truncated() -> LoadError {
    LoadError::Malformed { reason: "the file ends inside a field".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A field that holds `inner`.
    fn field(number: u8, inner: &[u8]) -> Vec<u8> {
        let mut bytes = vec![number << 3 | 2];
        let mut n = inner.len();
        while n >= 0x80 {
            bytes.push(n as u8 | 0x80);
            n >>= 7;
        }
        bytes.push(n as u8);
        bytes.extend_from_slice(inner);
        bytes
    }

    #[test]
    fn counts_nodes_of_a_graph() {
        let node = field(1, &field(4, b"Relu"));
        let model = field(7, &[node.clone(), node].concat());
        assert_eq!(walk(&model, 100, 4), Ok(5)); // graph, two nodes, two names
        assert!(matches!(walk(&model, 4, 4), Err(LoadError::TooMany { limit: 4, .. })));
    }

    #[test]
    fn everything_that_multiplies_is_counted() {
        // Two bytes each, some fifty when parsed: dimensions of a shape, external data of a tensor.
        let dims = [0x0A, 0x00].repeat(50);
        let shape = field(7, &field(11, &field(2, &field(1, &field(2, &dims)))));
        assert_eq!(walk(&shape, 1000, 4), Ok(55));
        let entries = [13 << 3 | 2, 0x00].repeat(50);
        assert_eq!(walk(&field(7, &field(5, &entries)), 1000, 4), Ok(52));
    }

    #[test]
    fn nesting_is_bounded() {
        let mut graph = Vec::new();
        for _ in 0..8 {
            graph = field(1, &field(5, &field(6, &graph)));
        }
        let model = field(7, &graph);
        assert!(matches!(walk(&model, 1000, 4), Err(LoadError::TooMany { .. })));
    }

    #[test]
    fn truncation_is_an_error() {
        let model = field(7, &field(1, &field(4, b"Relu")));
        for end in 1..model.len() {
            assert!(walk(&model[..end], 100, 4).is_err(), "{end}");
        }
    }
}
