//! `get_json_object`: a part of a JSON text, by a path as in Hive and Spark: `$.a.b[0]['c'][*]`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::logical_expr::{ScalarUDF, TypeSignature};
use serde_json::Value;

use super::by_row::{ByRow, Last, Session};

pub(super) fn all() -> Vec<Arc<ScalarUDF>> {
    let object = ByRow {
        name: "mica_get_json_object",
        signature: TypeSignature::Exact(vec![DataType::Utf8, DataType::Utf8]),
        result: DataType::Utf8,
        run: get_json_object,
    };
    let length = ByRow {
        name: "mica_json_array_length",
        signature: TypeSignature::Exact(vec![DataType::Utf8]),
        result: DataType::Int32,
        run: json_array_length,
    };
    vec![object.function(), length.function()]
}

/// A step of a path.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Element(usize),
    Each,
}

/// What is not a path leads nowhere, as in Spark.
#[derive(Debug)]
struct Path(Option<Vec<Step>>);

impl Path {
    fn read(text: &str) -> Result<Self> {
        Ok(Self(steps(text)))
    }
}

fn steps(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        let step;
        (step, rest) = match rest.strip_prefix('[') {
            Some(inner) => in_brackets(inner)?,
            None => behind_dot(rest.strip_prefix('.')?)?,
        };
        steps.push(step);
    }
    Some(steps)
}

fn behind_dot(text: &str) -> Option<(Step, &str)> {
    let end = text.find(['.', '[']).unwrap_or(text.len());
    match text.split_at(end) {
        ("", _) => None,
        ("*", rest) => Some((Step::Each, rest)),
        (name, rest) => Some((Step::Field(name.to_owned()), rest)),
    }
}

fn in_brackets(text: &str) -> Option<(Step, &str)> {
    if let Some(quoted) = text.strip_prefix('\'') {
        let (name, rest) = quoted.split_once("']")?;
        return Some((Step::Field(name.to_owned()), rest));
    }
    let (inner, rest) = text.split_once(']')?;
    match inner {
        "*" => Some((Step::Each, rest)),
        place => Some((Step::Element(place.parse().ok()?), rest)),
    }
}

fn follow<'a>(value: &'a Value, steps: &[Step], found: &mut Vec<&'a Value>) {
    let Some((step, rest)) = steps.split_first() else {
        found.push(value);
        return;
    };
    match (step, value) {
        (Step::Field(name), Value::Object(fields)) => {
            if let Some(value) = fields.get(name) {
                follow(value, rest, found);
            }
        }
        (Step::Element(place), Value::Array(elements)) => {
            if let Some(value) = elements.get(*place) {
                follow(value, rest, found);
            }
        }
        (Step::Each, Value::Array(elements)) => {
            elements.iter().for_each(|value| follow(value, rest, found));
        }
        _ => {}
    }
}

fn part(text: &str, path: &Path) -> Option<String> {
    let steps = path.0.as_ref()?;
    let value: Value = serde_json::from_str(text).ok()?;
    let mut found = Vec::new();
    follow(&value, steps, &mut found);
    let is_list = steps.contains(&Step::Each);
    match found.as_slice() {
        [] | [Value::Null] => None,
        // One of a list keeps its quotes in Spark.
        [Value::String(text)] if !is_list => Some(text.clone()),
        [one] => Some(one.to_string()),
        several => {
            let texts: Vec<String> = several.iter().map(ToString::to_string).collect();
            Some(format!("[{}]", texts.join(",")))
        }
    }
}

fn get_json_object(args: &[ArrayRef], _: &Session) -> Result<ArrayRef> {
    let (texts, paths): (&StringArray, &StringArray) = (args[0].as_string(), args[1].as_string());
    let mut last = Last::new();
    let rows = texts.iter().zip(paths).map(|row| match row {
        (Some(text), Some(path)) => Ok(part(text, last.get(path, Path::read)?)),
        _ => Ok(None),
    });
    Ok(Arc::new(rows.collect::<Result<StringArray>>()?))
}

/// The number of elements; NULL for what is no array.
fn json_array_length(args: &[ArrayRef], _: &Session) -> Result<ArrayRef> {
    let texts: &StringArray = args[0].as_string();
    let length = |text: Option<&str>| match serde_json::from_str(text?).ok()? {
        Value::Array(elements) => i32::try_from(elements.len()).ok(),
        _ => None,
    };
    let lengths: datafusion::arrow::array::Int32Array = texts.iter().map(length).collect();
    Ok(Arc::new(lengths))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(text: &str, path: &str) -> Option<String> {
        part(text, &Path::read(path).unwrap())
    }

    #[test]
    fn a_path_leads_to_a_part_as_in_spark() {
        let text = r#"{"user":{"name":"Ann","z":1,"a":[1,2]},"items":[{"sku":"A"},{"sku":"B"}],"n":1.5,"x":null,"a b":true}"#;
        for (path, expected) in [
            ("$.user.name", Some("Ann")),
            ("$.items[0].sku", Some("A")),
            ("$.items[*].sku", Some(r#"["A","B"]"#)),
            ("$.user", Some(r#"{"name":"Ann","z":1,"a":[1,2]}"#)),
            ("$.user.a", Some("[1,2]")),
            ("$.n", Some("1.5")),
            ("$['a b']", Some("true")),
            ("$.x", None),
            ("$.nosuch", None),
            ("$.items[9]", None),
            ("user", None),
        ] {
            assert_eq!(get(text, path).as_deref(), expected, "{path}");
        }
        assert_eq!(get(r#"[{"s":"A"}]"#, "$[*].s").as_deref(), Some("\"A\""));
        assert_eq!(get("broken", "$.a"), None);
    }
}
