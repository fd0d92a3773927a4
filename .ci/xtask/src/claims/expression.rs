//! Figures: small expressions over a command's JSON, such as `summary.runs / summary.frames`.
//! **Invariant:** the same JSON and expression give the same number; what is missing is an error, never zero.
//! It does not know what the numbers mean.
//!
//! ```text
//! expression := term (('+' | '-') term)*
//! term       := factor (('*' | '/') factor)*
//! factor     := number | '(' expression ')' | function '(' path ')' | path
//! function   := sum | mean | min | max | median | count
//! path       := step ('.' step)*        a step into an array goes into each of its elements
//! step       := name selection? | selection
//! selection  := '[' condition (',' condition)* ']'   condition := name ('=' | '!=') word   or a position
//! ```
//!
//! A path outside a function must lead to exactly one number (or `true`, `false`: 1, 0). A bench result, an array of
//! rows, is read like `mean([policy=inbetween,split=test].miss_rate)`.

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// The number that `expression` gives over `json`.
pub fn evaluate(expression: &str, json: &Value) -> Result<f64> {
    let mut parser = Parser { rest: expression, json };
    let value = parser.sum().with_context(|| format!("figure `{expression}`"))?;
    if !parser.rest.trim().is_empty() {
        bail!("figure `{expression}`: cannot read `{}`", parser.rest.trim());
    }
    if !value.is_finite() {
        bail!("figure `{expression}`: {value} is no figure");
    }
    Ok(value)
}

struct Parser<'a> {
    rest: &'a str,
    json: &'a Value,
}

impl<'a> Parser<'a> {
    fn sum(&mut self) -> Result<f64> {
        let mut value = self.product()?;
        loop {
            if self.takes('+') {
                value += self.product()?;
            } else if self.takes('-') {
                value -= self.product()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn product(&mut self) -> Result<f64> {
        let mut value = self.factor()?;
        loop {
            if self.takes('*') {
                value *= self.factor()?;
            } else if self.takes('/') {
                value /= self.factor()?;
            } else {
                return Ok(value);
            }
        }
    }

    fn factor(&mut self) -> Result<f64> {
        if self.takes('(') {
            let value = self.sum()?;
            self.expects(')')?;
            return Ok(value);
        }
        self.rest = self.rest.trim_start();
        if self.rest.starts_with(|c: char| c.is_ascii_digit()) {
            let number = self.word(|c| c.is_ascii_digit() || c == '.')?;
            return number.parse().with_context(|| format!("`{number}` is no number"));
        }
        if !self.rest.starts_with('[') {
            let name = self.word(is_name)?;
            if self.takes('(') {
                let values = self.path(None)?;
                self.expects(')')?;
                return reduce(name, &values);
            }
            return one(&self.path(Some(name))?);
        }
        one(&self.path(None)?)
    }

    /// Values at the end of a path whose first name may have been read.
    fn path(&mut self, first: Option<&'a str>) -> Result<Vec<&'a Value>> {
        let mut values = vec![self.json];
        let mut name = first;
        loop {
            self.rest = self.rest.trim_start();
            if name.is_none() && !self.rest.starts_with('[') {
                name = Some(self.word(is_name)?);
            }
            if let Some(name) = name.take() {
                values = flat(&values);
                let next: Vec<&Value> = values.iter().filter_map(|v| v.get(name)).collect();
                if next.len() != values.len() || next.is_empty() {
                    bail!("no `{name}` in {} of {} values", values.len() - next.len(), values.len());
                }
                values = next;
            }
            while self.takes('[') {
                values = self.select(&values)?;
            }
            if !self.takes('.') {
                break;
            }
        }
        Ok(flat(&values))
    }

    /// What is left of `values` by the conditions up to `]`.
    fn select(&mut self, values: &[&'a Value]) -> Result<Vec<&'a Value>> {
        let mut kept = flat(values);
        loop {
            let name = self.word(is_name)?;
            let differs = self.takes('!');
            if !differs && !self.rest.trim_start().starts_with('=') {
                let at: usize =
                    name.parse().with_context(|| format!("`{name}` is neither position nor condition"))?;
                kept = vec![*kept.get(at).with_context(|| format!("no element {at} of {}", kept.len()))?];
            } else {
                self.expects('=')?;
                let wanted = self.word(|c| !matches!(c, ',' | ']'))?.trim();
                kept.retain(|v| v.get(name).is_some_and(|f| text(f) == wanted) != differs);
            }
            if !self.takes(',') {
                break;
            }
        }
        self.expects(']')?;
        if kept.is_empty() {
            bail!("the selection leaves nothing");
        }
        Ok(kept)
    }

    fn word(&mut self, part: impl Fn(char) -> bool) -> Result<&'a str> {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|c| !part(c)).unwrap_or(self.rest.len());
        if end == 0 {
            bail!("a name is missing before `{}`", self.rest);
        }
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        Ok(word)
    }

    fn takes(&mut self, sign: char) -> bool {
        let rest = self.rest.trim_start().strip_prefix(sign);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn expects(&mut self, sign: char) -> Result<()> {
        if self.takes(sign) { Ok(()) } else { bail!("`{sign}` is missing before `{}`", self.rest) }
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

/// The values, arrays replaced by their elements.
fn flat<'a>(values: &[&'a Value]) -> Vec<&'a Value> {
    values.iter().flat_map(|v| v.as_array().map_or_else(|| vec![*v], |list| list.iter().collect())).collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn number(value: &Value) -> Result<f64> {
    match value {
        Value::Bool(b) => Ok(f64::from(*b)),
        other => other.as_f64().with_context(|| format!("{other} is no number")),
    }
}

fn one(values: &[&Value]) -> Result<f64> {
    match values {
        [value] => number(value),
        _ => bail!("{} values where one is wanted: use sum, mean, min, max, median or count", values.len()),
    }
}

fn reduce(function: &str, values: &[&Value]) -> Result<f64> {
    let count = values.len() as f64;
    if function == "count" {
        return Ok(count);
    }
    let mut numbers = values.iter().map(|v| number(v)).collect::<Result<Vec<f64>>>()?;
    if numbers.is_empty() {
        bail!("{function} of nothing");
    }
    Ok(match function {
        "sum" => numbers.iter().sum(),
        "mean" => numbers.iter().sum::<f64>() / count,
        "min" => numbers.iter().copied().fold(f64::INFINITY, f64::min),
        "max" => numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        "median" => {
            numbers.sort_by(f64::total_cmp);
            let middle = numbers.len() / 2;
            if numbers.len() % 2 == 1 {
                numbers[middle]
            } else {
                f64::midpoint(numbers[middle - 1], numbers[middle])
            }
        }
        other => bail!("no function {other}: there are sum, mean, min, max, median, count"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(expression: &str) -> Result<f64> {
        let json = serde_json::json!({
            "summary": {"runs": 30, "frames": 120, "kept": true, "name": "x"},
            "rows": [
                {"policy": "inbetween", "seed": 1, "runs": 10, "times": [1, 2]},
                {"policy": "inbetween", "seed": 2, "runs": 14, "times": [3]},
                {"policy": "every-frame", "seed": 1, "runs": 120, "times": [9]},
            ]
        });
        evaluate(expression, &json)
    }

    #[test]
    fn paths_functions_and_arithmetic() {
        for (expression, wanted) in [
            ("summary.runs", 30.0),
            ("summary.kept", 1.0),
            ("summary.frames / summary.runs", 4.0),
            ("1 - summary.runs / summary.frames", 0.75),
            ("(1 + 2) * 3", 9.0),
            ("sum(rows.runs)", 144.0),
            ("mean(rows[policy=inbetween].runs)", 12.0),
            ("max(rows[policy!=inbetween].runs) / mean(rows[policy=inbetween].runs)", 10.0),
            ("rows[policy=inbetween,seed=2].runs", 14.0),
            ("rows[policy = every-frame].runs", 120.0),
            ("rows[1].runs", 14.0),
            ("count(rows.times)", 4.0),
            ("count(rows[seed=1].policy)", 2.0),
            ("median(rows.times)", 2.5),
            ("min(rows[seed=1].runs)", 10.0),
        ] {
            assert_eq!(figure(expression).ok(), Some(wanted), "{expression}");
        }
        let rows = serde_json::json!([{"a": 1, "b": 2}, {"a": 3, "b": 4}]);
        assert_eq!(evaluate("sum([a=3].b)", &rows).ok(), Some(4.0));
        assert_eq!(evaluate("[a=3].b", &rows).ok(), Some(4.0));
    }

    #[test]
    fn what_is_missing_or_ambiguous_is_an_error() {
        for wrong in [
            "summary.gone",
            "rows.runs",
            "rows[policy=none].runs",
            "rows[9].runs",
            "summary.name",
            "summary",
            "sum(rows.gone)",
            "total(rows.runs)",
            "summary.runs summary.runs",
            "(summary.runs",
            "summary.runs /",
            "1 / 0",
            "",
        ] {
            assert!(figure(wrong).is_err(), "{wrong}");
        }
    }
}
