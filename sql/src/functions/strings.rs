//! Functions on texts that ODBC has and DataFusion lacks.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{
    ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};
use datafusion_spark::function::string;

/// `soundex`, which is Spark's and means the same, and `difference`.
pub(super) fn all() -> [Arc<ScalarUDF>; 2] {
    let difference = ScalarUDF::new_from_impl(Difference {
        signature: Signature::exact(vec![DataType::Utf8, DataType::Utf8], Volatility::Immutable),
    });
    [string::soundex(), Arc::new(difference)]
}

/// `difference(a, b)`: in how many of their four places two Soundex codes agree.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Difference {
    signature: Signature,
}

impl ScalarUDFImpl for Difference {
    fn name(&self) -> &str {
        "difference"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Int64)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let scalar = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        let (left, right) = (arrays[0].as_string::<i32>(), arrays[1].as_string::<i32>());
        let same: Int64Array = left
            .iter()
            .zip(right)
            .map(|(left, right)| Some(agreeing(&code(left?), &code(right?))))
            .collect();
        let same: ArrayRef = Arc::new(same);
        Ok(match scalar && !same.is_empty() {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&same, 0)?),
            false => ColumnarValue::Array(same),
        })
    }
}

fn agreeing(left: &str, right: &str) -> i64 {
    let pairs = left.chars().zip(right.chars());
    pairs.filter(|(left, right)| left == right).count() as i64
}

/// The American Soundex code of a word: its first letter, and the classes of the next three
/// consonants (Knuth, The Art of Computer Programming, volume 3, chapter 6).
fn code(word: &str) -> String {
    let mut letters = word.chars().filter(char::is_ascii_alphabetic);
    let Some(first) = letters.next() else {
        return String::new();
    };
    let mut code = first.to_ascii_uppercase().to_string();
    let mut last = class(first);
    for letter in letters {
        let next = class(letter);
        if let Some(digit) = next.filter(|_| next != last) {
            code.push(digit);
        }
        // H and W do not part letters of one class; vowels do.
        if !matches!(letter.to_ascii_lowercase(), 'h' | 'w') {
            last = next;
        }
    }
    code.extend(['0'; 3]);
    code.truncate(4);
    code
}

fn class(letter: char) -> Option<char> {
    Some(match letter.to_ascii_lowercase() {
        'b' | 'f' | 'p' | 'v' => '1',
        'c' | 'g' | 'j' | 'k' | 'q' | 's' | 'x' | 'z' => '2',
        'd' | 't' => '3',
        'l' => '4',
        'm' | 'n' => '5',
        'r' => '6',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_census() {
        for (word, expected) in [
            ("Robert", "R163"),
            ("Rupert", "R163"),
            ("Ashcraft", "A261"),
            ("Tymczak", "T522"),
            ("Pfister", "P236"),
            ("Lee", "L000"),
        ] {
            assert_eq!(code(word), expected, "{word}");
        }
        assert_eq!(agreeing(&code("Green"), &code("Greene")), 4);
        assert_eq!(agreeing(&code("Blotchet"), &code("Green")), 0);
    }
}
