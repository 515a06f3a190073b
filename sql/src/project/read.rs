//! Files to statements.

use std::collections::BTreeMap;

use datafusion::common::TableReference;
use mica_catalog::RelationName;
use sqlparser::ast::{ObjectName, Query};

use super::{Project, SourceFile};
use crate::statement::{AlterAction, CommentTarget, NewKey, SetStatement};
use crate::{Error, Parsed, Position, Result, Scope, Statement, parse, references, split_readable};

/// A statement of a project.
#[derive(Debug)]
pub(super) struct Item {
    /// Index of its file.
    pub(super) file: usize,
    /// Its place in the file.
    pub(super) place: usize,
    pub(super) parsed: Parsed,
    /// The scope that the statements before it in the file leave it in.
    pub(super) scope: Scope,
    /// What it creates.
    pub(super) creates: Option<RelationName>,
    /// What it changes that another statement creates.
    pub(super) amends: Option<RelationName>,
    /// What it needs to be there.
    pub(super) reads: Vec<RelationName>,
}

impl Item {
    pub(super) fn position(&self) -> Position {
        self.parsed.text.position
    }
}

/// An error with the file, line and column that it is in.
pub(super) fn in_file(file: &SourceFile, fallback: Position, cause: Error) -> Error {
    let at = cause.position().unwrap_or(fallback);
    Error::File {
        file: format!("{}:{}:{}", file.path, at.line, at.column),
        cause: Box::new(cause.without_position()),
    }
}

/// `text` with the values of `${name}`.
///
/// # Errors
/// [`Error::Invalid`] for a name without a value.
pub(super) fn substitute(text: &str, variables: &BTreeMap<String, String>) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let Some(length) = rest[start..].find('}') else {
            break;
        };
        let name = &rest[start + 2..start + length];
        let Some(value) = variables.get(name) else {
            let before = &text[..text.len() - rest.len() + start];
            let line = before.matches('\n').count() as u64 + 1;
            let column = before.rsplit('\n').next().unwrap_or("").chars().count() as u64 + 1;
            return Err(Error::Invalid {
                message: format!(
                    "the variable '{name}' has no value: set it under [variables] in mica.toml"
                ),
                position: Some(Position { line, column }),
            });
        };
        out.push_str(&rest[..start]);
        out.push_str(value);
        rest = &rest[start + length + 1..];
    }
    out.push_str(rest);
    Ok(out)
}

/// The statements of a file. `SET`, `RESET` and `USE` change the scope of those behind them in the
/// file.
///
/// # Errors
/// What is wrong with the file, with line and column.
pub(super) fn items(project: &Project, at: usize) -> Result<Vec<Item>> {
    let file = &project.files[at];
    let start = Position { line: 1, column: 1 };
    let located = |fallback| move |error| in_file(file, fallback, error);
    let mut text = substitute(&file.text, &project.variables).map_err(located(start))?;
    let mut scope = project.scope()?;
    let mut items = Vec::new();
    'dialects: loop {
        let dialect = scope.dialect;
        let (statements, unreadable) = split_readable(&text, dialect);
        for statement in statements {
            let position = statement.position;
            let parsed = parse(statement, dialect).map_err(located(position))?;
            if !enter(project, &parsed.statement, &mut scope).map_err(located(position))? {
                let item = item(at, items.len(), parsed, &scope).map_err(located(position))?;
                items.push(item);
            } else if scope.dialect != dialect {
                text = parsed.text.rest_of(&text);
                continue 'dialects;
            }
        }
        return match unreadable {
            None => Ok(items),
            Some(error) => Err(located(start)(error)),
        };
    }
}

/// Changes the scope, if that is what `statement` does.
fn enter(project: &Project, statement: &Statement, scope: &mut Scope) -> Result<bool> {
    match statement {
        Statement::Set(SetStatement::Value(key, value)) => scope.set(key, value)?,
        Statement::Use(parts) => {
            references::resolve_schema(parts)?.clone_into(&mut scope.schema);
        }
        Statement::Reset(Some(key)) => {
            let fresh = project.scope()?;
            let value = fresh.show(key)?.to_owned();
            scope.set(key, &value)?;
            scope.settings.reset(key)?;
        }
        Statement::Reset(None) => *scope = project.scope()?,
        _ => return Ok(false),
    }
    Ok(true)
}

fn item(file: usize, place: usize, parsed: Parsed, scope: &Scope) -> Result<Item> {
    Ok(Item {
        file,
        place,
        creates: creates(&parsed.statement, scope)?,
        amends: amends(&parsed.statement, scope)?,
        reads: reads(&parsed.statement, scope)?,
        scope: scope.clone(),
        parsed,
    })
}

/// The relation that a statement creates.
fn creates(statement: &Statement, scope: &Scope) -> Result<Option<RelationName>> {
    let name = match statement {
        Statement::CreateView(view) => &view.name,
        Statement::CreateTable(table) => &table.name,
        _ => return Ok(None),
    };
    references::resolve_object(name, scope).map(Some)
}

/// The relation that a statement changes and does not create.
fn amends(statement: &Statement, scope: &Scope) -> Result<Option<RelationName>> {
    let name = match statement {
        Statement::Alter(alter) if !matches!(alter.action, AlterAction::Rename(_)) => &alter.name,
        Statement::Comment(comment) => match &comment.target {
            CommentTarget::Relation(name) | CommentTarget::Column(name, _) => name,
            CommentTarget::Schema(_) => return Ok(None),
        },
        _ => return Ok(None),
    };
    references::resolve_object(name, scope).map(Some)
}

/// The relations that must be there for a statement.
fn reads(statement: &Statement, scope: &Scope) -> Result<Vec<RelationName>> {
    let named = |name: &ObjectName| references::resolve_object(name, scope);
    let of_query = |query: &Query| -> Result<Vec<RelationName>> {
        let reads = references::of_query(query)?;
        let named = |reference: &TableReference| references::resolve(reference, scope);
        reads.iter().map(named).collect()
    };
    match statement {
        Statement::CreateView(view) => of_query(&view.query),
        Statement::Query(query) => of_query(query),
        Statement::Comment(comment) => match &comment.target {
            CommentTarget::Relation(name) | CommentTarget::Column(name, _) => {
                Ok(vec![named(name)?])
            }
            CommentTarget::Schema(_) => Ok(Vec::new()),
        },
        Statement::Alter(alter) if !matches!(alter.action, AlterAction::Rename(_)) => {
            let mut reads = vec![named(&alter.name)?];
            match &alter.action {
                AlterAction::As { query, .. } => reads.extend(of_query(query)?),
                AlterAction::AddConstraint(add) => {
                    if let NewKey::Foreign { relation, .. } = &add.key {
                        reads.push(named(relation)?);
                    }
                }
                _ => {}
            }
            Ok(reads)
        }
        Statement::CreateTable(_)
        | Statement::CreateSchema(_)
        | Statement::Drop(_)
        | Statement::Refresh(_)
        | Statement::Upkeep(_) => Ok(Vec::new()),
        _ => Err(Error::Unsupported {
            what: "this statement in a project (a project declares what there is)".to_owned(),
            position: None,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::project;

    #[test]
    fn variables_are_replaced_and_a_missing_one_is_located() {
        let variables = BTreeMap::from([("root".to_owned(), "/data".to_owned())]);
        assert_eq!(substitute("a ${root}/b", &variables).unwrap(), "a /data/b");
        let error = substitute("a\n  ${other}", &variables).unwrap_err();
        assert_eq!(error.position(), Some(Position { line: 2, column: 3 }));
    }

    #[test]
    fn what_follows_another_dialect_is_read_in_that_alone() {
        let text = r"SET dialect = spark; CREATE VIEW v AS SELECT 'it\'s' AS n";
        let project = project(&[("v.sql", text)]);
        assert_eq!(items(&project, 0).unwrap().len(), 1);
    }
}
