//! From TOML to the types of a card, through one deserialiser over the parsed tree.
//! **Invariant:** an error has the place of the smallest key or value that it is about.
//! It does not parse TOML and does not know cards. (`toml`'s own deserialiser is generic over what it meets on the way,
//! which compiles every section three times: a quarter of a MB in a phone's library.)

use core::{fmt, ops::Range};
use std::borrow::Cow;

use serde::{
    Deserialize, Deserializer,
    de::{
        self, IntoDeserializer, Visitor,
        value::{MapAccessDeserializer, MapDeserializer, SeqDeserializer},
    },
    forward_to_deserialize_any,
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Reads a text as `T`.
pub(crate) fn read<'de, T: Deserialize<'de>>(text: &'de str) -> Result<T, Error> {
    let root = DeTable::parse(text).map_err(|e| Error { message: e.message().to_owned(), span: e.span() })?;
    let span = root.span();
    T::deserialize(Node { value: DeValue::Table(root.into_inner()), span })
}

/// What is wrong, and where.
#[derive(Debug)]
pub(crate) struct Error {
    pub message: String,
    pub span: Option<Range<usize>>,
}

impl Error {
    /// The same at `span`, unless it is known more exactly.
    fn at(mut self, span: Range<usize>) -> Self {
        self.span.get_or_insert(span);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self { message: message.to_string(), span: None }
    }
}

/// A value of the tree.
struct Node<'de> {
    value: DeValue<'de>,
    span: Range<usize>,
}

impl<'de> From<Spanned<DeValue<'de>>> for Node<'de> {
    fn from(value: Spanned<DeValue<'de>>) -> Self {
        let span = value.span();
        Self { value: value.into_inner(), span }
    }
}

type Entries<'de> = std::vec::IntoIter<(Key<'de>, Node<'de>)>;

/// The entries of a table.
fn entries(table: DeTable<'_>) -> Entries<'_> {
    let pairs: Vec<_> = table
        .into_iter()
        .map(|(key, value)| {
            let span = key.span();
            (Key { name: key.into_inner(), span }, Node::from(value))
        })
        .collect();
    pairs.into_iter()
}

impl<'de> Node<'de> {
    fn visit<V: Visitor<'de>>(value: DeValue<'de>, visitor: V) -> Result<V::Value, Error> {
        match value {
            DeValue::String(Cow::Borrowed(text)) => visitor.visit_borrowed_str(text),
            DeValue::String(Cow::Owned(text)) => visitor.visit_string(text),
            DeValue::Boolean(b) => visitor.visit_bool(b),
            DeValue::Integer(n) => match i64::from_str_radix(n.as_str(), n.radix()) {
                Ok(n) => visitor.visit_i64(n),
                Err(_) => Err(de::Error::custom("a number that is too large")),
            },
            DeValue::Float(x) => match x.as_str().parse() {
                Ok(x) => visitor.visit_f64(x),
                Err(_) => Err(de::Error::custom("a number that cannot be read")),
            },
            DeValue::Datetime(at) => visitor.visit_string(at.to_string()),
            DeValue::Array(list) => {
                let mut items = SeqDeserializer::new(list.into_iter().map(Node::from));
                let whole = visitor.visit_seq(&mut items)?;
                items.end()?;
                Ok(whole)
            }
            DeValue::Table(table) => visitor.visit_map(MapDeserializer::new(entries(table))),
        }
    }
}

impl<'de> Deserializer<'de> for Node<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        Self::visit(self.value, visitor).map_err(|e| e.at(self.span))
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self) // what is not there is not a value
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        let Self { value, span } = self;
        match value {
            DeValue::String(name) => visitor.visit_enum(name.into_deserializer()),
            DeValue::Table(table) => {
                let entries: MapDeserializer<'_, _, Error> = MapDeserializer::new(entries(table));
                visitor.visit_enum(MapAccessDeserializer::new(entries))
            }
            other => Self::visit(other, visitor),
        }
        .map_err(|e: Error| e.at(span))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct seq tuple
        tuple_struct map struct identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Node<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// A key of a table.
struct Key<'de> {
    name: Cow<'de, str>,
    span: Range<usize>,
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_str(&self.name).map_err(|e: Error| e.at(self.span))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> IntoDeserializer<'de, Error> for Key<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}
