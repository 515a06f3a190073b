//! What the rules of exclusion ask of a statement's text.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::visit_relations;
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Token, Tokenizer};

/// A statement: its text, and its tokens without white space.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) text: String,
    tokens: Vec<Token>,
    /// The relations that it reads, in lower case, without their schemas.
    relations: BTreeSet<String>,
}

impl Statement {
    pub(crate) fn new(text: &str) -> Self {
        let tokens = Tokenizer::new(&GenericDialect {}, text).tokenize();
        let tokens = tokens.unwrap_or_default().into_iter();
        let tokens: Vec<Token> = tokens
            .filter(|token| !matches!(token, Token::Whitespace(_)))
            .collect();
        Self {
            text: text.to_owned(),
            relations: relations(text, &tokens),
            tokens,
        }
    }

    /// A word of the text, in capitals; empty if there is none at that place.
    pub(crate) fn word(&self, at: usize) -> String {
        match self.tokens.get(at) {
            Some(Token::Word(word)) => word.value.to_uppercase(),
            _ => String::new(),
        }
    }

    /// Whether the text has this word.
    pub(crate) fn has(&self, word: &str) -> bool {
        (0..self.tokens.len()).any(|at| self.word(at) == word)
    }

    /// The relation that a CREATE, DROP or SELECT INTO names, and whether it is a table.
    pub(crate) fn target(&self) -> Option<(bool, String)> {
        const BEHIND: [&str; 3] = ["IF", "NOT", "EXISTS"];
        let is_object: fn(&str) -> bool = match self.word(0).as_str() {
            "CREATE" | "DROP" => |word| word == "TABLE" || word == "VIEW",
            "SELECT" => |word| word == "INTO",
            _ => return None,
        };
        let object = (1..self.tokens.len()).find(|at| is_object(&self.word(*at)))?;
        let mut at = object + 1;
        while BEHIND.contains(&self.word(at).as_str()) {
            at += 1;
        }
        while self.tokens.get(at + 1) == Some(&Token::Period) {
            at += 2;
        }
        Some((self.word(object) != "VIEW", self.word(at).to_lowercase()))
    }

    /// What stands behind LOCATION; of a list, the first.
    pub(crate) fn location(&self) -> Option<&str> {
        let at = (0..self.tokens.len()).find(|at| self.word(*at) == "LOCATION")?;
        let mut behind = self.tokens[at + 1..].iter().take(2);
        behind.find_map(|token| match token {
            Token::SingleQuotedString(location) => Some(location.as_str()),
            _ => None,
        })
    }

    /// The key of a SET or RESET and its value, as written.
    pub(crate) fn setting(&self) -> (String, String) {
        let mut tokens = self.tokens.iter().skip(1).map(Token::to_string).peekable();
        let is_key = |token: &String| token != "=" && token != "TO" && token != ";";
        let mut key = String::new();
        while let Some(part) = tokens.next_if(is_key) {
            key.push_str(&part.to_lowercase());
        }
        let value: String = tokens.skip(1).filter(|token| token != ";").collect();
        (key, value.trim_matches(['\'', '"']).to_owned())
    }

    /// Whether it reads, makes or drops the relation of that name.
    pub(crate) fn names(&self, relation: &str) -> bool {
        self.relations.contains(relation)
    }
}

/// The relations of a text; all of its words if it does not parse.
fn relations(text: &str, tokens: &[Token]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    if let Ok(statements) = Parser::parse_sql(&GenericDialect {}, text) {
        let _ = visit_relations(&statements, |name| {
            let last = name.0.last().map(ToString::to_string);
            let last = last.unwrap_or_default().to_lowercase();
            names.insert(last.trim_matches('"').to_owned());
            ControlFlow::<()>::Continue(())
        });
        return names;
    }
    let words = tokens.iter().filter_map(|token| match token {
        Token::Word(word) => Some(word.value.to_lowercase()),
        _ => None,
    });
    words.collect()
}
