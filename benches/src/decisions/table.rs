//! Tables of events from CSV and Parquet files, and rows of them as the features that a card names.
//! **Invariant:** a number is the same number from either kind of file; an empty cell is a missing one.
//! It does not judge values: the frame contract does.

use std::{fs::File, path::Path};

use anyhow::{Context as _, bail, ensure};
use inbetween_card::{FeatureSpec, InputSpec, ModelSpec};
use inbetween_flow::{Feature, FeatureValue};
use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::Field,
};

/// One cell.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// Nothing.
    Missing,
    /// A number, of a typed file.
    Number(f64),
    /// Text; of a CSV file numbers, too.
    Text(String),
}

impl Cell {
    /// The number in it, if it is one.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Missing => None,
            Self::Number(x) => Some(*x),
            Self::Text(t) => t.trim().parse().ok(),
        }
    }

    /// As it would stand in a CSV file.
    pub fn text(&self) -> String {
        match self {
            Self::Missing => String::new(),
            Self::Number(x) => x.to_string(),
            Self::Text(t) => t.clone(),
        }
    }
}

/// A table in memory.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// Names of the columns.
    pub columns: Vec<String>,
    /// Rows, each with a cell for every column.
    pub rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Reads a `.csv` or `.parquet` file.
    ///
    /// # Errors
    /// When the file cannot be read, or is of neither kind.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let kind = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
        let table = match kind {
            "csv" => csv_file(path),
            "parquet" => parquet_file(path),
            _ => bail!("{}: neither .csv nor .parquet", path.display()),
        };
        table.with_context(|| format!("cannot read {}", path.display()))
    }

    /// The place of a column.
    ///
    /// # Errors
    /// When there is none of this name; the message lists those that there are.
    pub fn column(&self, name: &str) -> anyhow::Result<usize> {
        self.find(name).with_context(|| format!("no column `{name}` among {}", self.columns.join(", ")))
    }

    /// The place of a column, if there is one of this name.
    pub fn find(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|c| c == name)
    }

    /// The numbers of a column.
    ///
    /// # Errors
    /// When a cell is no number; the message names its row.
    pub fn numbers(&self, name: &str) -> anyhow::Result<Vec<f64>> {
        let at = self.column(name)?;
        let number = |(i, row): (usize, &Vec<Cell>)| {
            row[at].number().with_context(|| format!("row {}: `{name}` is no number", i + 1))
        };
        self.rows.iter().enumerate().map(number).collect()
    }

    /// The labels of a column: 0 or 1.
    ///
    /// # Errors
    /// When a cell is something else.
    pub fn labels(&self, name: &str) -> anyhow::Result<Vec<bool>> {
        let numbers = self.numbers(name)?;
        ensure!(numbers.iter().all(|x| *x == 0.0 || *x == 1.0), "`{name}` has labels other than 0 and 1");
        Ok(numbers.iter().map(|x| *x == 1.0).collect())
    }
}

fn csv_file(path: &Path) -> anyhow::Result<Table> {
    let mut reader = csv::Reader::from_path(path)?;
    let columns = reader.headers()?.iter().map(str::to_owned).collect();
    let cell = |text: &str| if text.is_empty() { Cell::Missing } else { Cell::Text(text.to_owned()) };
    let rows = reader.records().map(|record| Ok(record?.iter().map(cell).collect()));
    Ok(Table { columns, rows: rows.collect::<Result<_, csv::Error>>()? })
}

fn parquet_file(path: &Path) -> anyhow::Result<Table> {
    let reader = SerializedFileReader::new(File::open(path)?)?;
    let schema = reader.metadata().file_metadata().schema_descr();
    let columns = schema.root_schema().get_fields().iter().map(|f| f.name().to_owned()).collect();
    let mut rows = Vec::new();
    for row in reader.get_row_iter(None)? {
        let row = row?;
        let cells = row.get_column_iter().map(|(name, field)| {
            Ok(match field {
                Field::Null => Cell::Missing,
                Field::Bool(b) => Cell::Number(f64::from(*b)),
                Field::Byte(x) => Cell::Number(f64::from(*x)),
                Field::Short(x) => Cell::Number(f64::from(*x)),
                Field::Int(x) => Cell::Number(f64::from(*x)),
                Field::Long(x) | Field::TimestampMillis(x) => Cell::Number(*x as f64),
                Field::UByte(x) => Cell::Number(f64::from(*x)),
                Field::UShort(x) => Cell::Number(f64::from(*x)),
                Field::UInt(x) => Cell::Number(f64::from(*x)),
                Field::ULong(x) => Cell::Number(*x as f64),
                Field::Float(x) => Cell::Number(f64::from(*x)),
                Field::Double(x) => Cell::Number(*x),
                Field::Str(s) => Cell::Text(s.clone()),
                Field::TimestampMicros(x) => Cell::Number(*x as f64 / 1000.0),
                _ => bail!("column `{name}` is of a type that no feature has"),
            })
        });
        rows.push(cells.collect::<anyhow::Result<_>>()?);
    }
    Ok(Table { columns, rows })
}

/// Which columns of a table are which features of a card.
#[derive(Clone, Debug)]
pub struct Features<'a> {
    specs: Vec<(&'a FeatureSpec, Option<usize>)>,
}

impl<'a> Features<'a> {
    /// The features of a model and the columns of these names. A feature without a column is missing in each row.
    ///
    /// # Errors
    /// When the model does not take features.
    pub fn of(model: &'a ModelSpec, table: &Table) -> anyhow::Result<Self> {
        let InputSpec::Features(input) = &model.input else {
            bail!("the card's model does not take features: tables cannot be scored")
        };
        let specs = input.features.iter().map(|spec| (spec, table.find(&spec.name))).collect();
        Ok(Self { specs })
    }

    /// The features that the table has no column for.
    pub fn absent(&self) -> Vec<&'a str> {
        self.specs.iter().filter(|(_, at)| at.is_none()).map(|(spec, _)| spec.name.as_str()).collect()
    }

    /// The features of one row. What is no number where one is promised stays text, for the contract to refuse.
    pub fn row<'r>(&'r self, cells: &'r [Cell]) -> Vec<Feature<'r>> {
        let value = |spec: &FeatureSpec, cell: &'r Cell| match (cell, spec.categories.is_empty()) {
            (Cell::Missing, _) => FeatureValue::Missing,
            (Cell::Text(t), false) => FeatureValue::Category(t),
            (Cell::Text(t), true) => match cell.number() {
                Some(x) => FeatureValue::Number(x),
                None => FeatureValue::Category(t),
            },
            (Cell::Number(x), _) => FeatureValue::Number(*x),
        };
        let feature = |(spec, at): &(&'r FeatureSpec, Option<usize>)| Feature {
            name: &spec.name,
            value: at.and_then(|at| cells.get(at)).map_or(FeatureValue::Missing, |cell| value(spec, cell)),
        };
        self.specs.iter().map(feature).collect()
    }
}
