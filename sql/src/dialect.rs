//! The SQL dialects that a session or a view can be written in.

use std::any::TypeId;
use std::fmt;

use sqlparser::ast::{BinaryOperator, Expr, Interval, Value};
use sqlparser::dialect::{Dialect as SqlparserDialect, GenericDialect, SparkSqlDialect};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::Token;

use crate::{Error, Result};

/// A dialect: how text is read, and what it means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Dialect {
    /// `"x"` is an identifier, `/` follows its operands' types, NULLs sort high. What BI tools
    /// generate works.
    #[default]
    Ansi,
    /// Spark 3's SQL: `"x"` is a string, `/` is never an integer, NULLs sort low.
    Spark,
}

/// Names that later versions will accept; an error says so instead of "unknown".
const PLANNED: [&str; 3] = ["hive", "bigquery", "postgres"];

impl Dialect {
    /// Every dialect that works.
    pub const ALL: [Self; 2] = [Self::Ansi, Self::Spark];

    /// The dialect of that name, in any case.
    ///
    /// # Errors
    /// [`Error::Setting`] with the names that work.
    pub fn parse(name: &str) -> Result<Self> {
        let name = name.to_ascii_lowercase();
        let found = Self::ALL
            .into_iter()
            .find(|dialect| dialect.as_str() == name);
        found.ok_or_else(|| Error::Setting {
            key: "dialect".to_owned(),
            value: name.clone(),
            expected: if PLANNED.contains(&name.as_str()) {
                "ansi or spark; this one is not supported yet".to_owned()
            } else {
                "ansi or spark".to_owned()
            },
        })
    }

    /// The name, as stored with a view.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ansi => "ansi",
            Self::Spark => "spark",
        }
    }

    /// The grammar.
    pub(crate) fn grammar(self) -> &'static dyn SqlparserDialect {
        match self {
            Self::Ansi => &GenericDialect,
            Self::Spark => &Spark,
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// sqlparser's Spark grammar, with the backslash escapes that it lacks.
#[derive(Debug)]
struct Spark;

const INNER: SparkSqlDialect = SparkSqlDialect;

impl SqlparserDialect for Spark {
    fn dialect(&self) -> TypeId {
        TypeId::of::<SparkSqlDialect>()
    }

    // `'it\'s'`; the tokens are unescaped by `text::spark_string`.
    fn supports_string_literal_backslash_escape(&self) -> bool {
        true
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        INNER.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        INNER.is_identifier_start(ch) || (!ch.is_ascii() && ch.is_alphabetic())
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        INNER.is_identifier_part(ch) || (!ch.is_ascii() && ch.is_alphanumeric())
    }

    fn supports_filter_during_aggregation(&self) -> bool {
        INNER.supports_filter_during_aggregation()
    }

    fn supports_group_by_expr(&self) -> bool {
        INNER.supports_group_by_expr()
    }

    fn supports_group_by_with_modifier(&self) -> bool {
        INNER.supports_group_by_with_modifier()
    }

    fn supports_lambda_functions(&self) -> bool {
        INNER.supports_lambda_functions()
    }

    fn supports_select_wildcard_except(&self) -> bool {
        INNER.supports_select_wildcard_except()
    }

    fn supports_struct_literal(&self) -> bool {
        INNER.supports_struct_literal()
    }

    fn supports_nested_comments(&self) -> bool {
        INNER.supports_nested_comments()
    }

    fn supports_create_table_using(&self) -> bool {
        INNER.supports_create_table_using()
    }

    fn supports_long_type_as_bigint(&self) -> bool {
        INNER.supports_long_type_as_bigint()
    }

    fn supports_values_as_table_factor(&self) -> bool {
        INNER.supports_values_as_table_factor()
    }

    // `INTERVAL '2 weeks'` has its units inside.
    fn require_interval_qualifier(&self) -> bool {
        false
    }

    fn supports_from_first_select(&self) -> bool {
        true
    }

    /// `INTERVAL 1 DAY 12 HOURS` is one of several units.
    fn parse_prefix(&self, parser: &mut Parser<'_>) -> Option<Result<Expr, ParserError>> {
        let is_interval = matches!(&parser.peek_token_ref().token, Token::Word(word)
            if word.keyword == sqlparser::keywords::Keyword::INTERVAL);
        let is_amount = matches!(parser.peek_nth_token(1).token, Token::Number(..));
        if !is_interval || !is_amount {
            return None;
        }
        parser.next_token();
        Some(amounts(parser))
    }

    fn supports_bang_not_operator(&self) -> bool {
        INNER.supports_bang_not_operator()
    }

    fn supports_select_item_multi_column_alias(&self) -> bool {
        INNER.supports_select_item_multi_column_alias()
    }

    fn supports_cte_without_as(&self) -> bool {
        INNER.supports_cte_without_as()
    }

    fn supports_map_literal_with_angle_brackets(&self) -> bool {
        INNER.supports_map_literal_with_angle_brackets()
    }

    // `DIV` binds like `*` and `/`; sqlparser's own rule takes everything to its right.
    fn get_next_precedence(&self, parser: &Parser<'_>) -> Option<Result<u8, ParserError>> {
        let next = parser.peek_token_ref();
        let div = matches!(&next.token, Token::Word(word)
            if word.keyword == sqlparser::keywords::Keyword::DIV);
        div.then(|| Ok(self.prec_value(sqlparser::dialect::Precedence::MulDivModOp)))
    }

    fn parse_infix(
        &self,
        parser: &mut Parser<'_>,
        left: &Expr,
        precedence: u8,
    ) -> Option<Result<Expr, ParserError>> {
        if !parser.parse_keyword(sqlparser::keywords::Keyword::DIV) {
            return None;
        }
        Some(
            parser
                .parse_subexpr(precedence)
                .map(|right| Expr::BinaryOp {
                    left: Box::new(left.clone()),
                    op: BinaryOperator::MyIntegerDivide,
                    right: Box::new(right),
                }),
        )
    }
}

/// Numbers with a unit each, behind `INTERVAL`.
fn amounts(parser: &mut Parser<'_>) -> Result<Expr, ParserError> {
    let mut text = String::new();
    while let Token::Number(number, _) = &parser.peek_token_ref().token {
        let number = number.clone();
        parser.next_token();
        if !parser.next_token_is_temporal_unit() {
            return parser.expected("a unit behind the number", parser.peek_token());
        }
        let unit = parser.parse_date_time_field()?;
        text += &format!("{number} {unit} ");
    }
    Ok(Expr::Interval(Interval {
        value: Box::new(Expr::value(Value::SingleQuotedString(
            text.trim_end().to_owned(),
        ))),
        leading_field: None,
        leading_precision: None,
        last_field: None,
        fractional_seconds_precision: None,
    }))
}
