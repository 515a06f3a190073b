//! Files to statements.

use std::collections::BTreeMap;

use datafusion::common::TableReference;
use mica_catalog::RelationName;

use super::{Project, SourceFile};
use crate::statement::{AlterAction, CommentTarget, NewKey, SetStatement};
use crate::{Error, Parsed, Position, Result, Scope, Statement, parse, references, split};

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
        for statement in split(&text, dialect).map_err(located(start))? {
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
        return Ok(items);
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
    let named = |reference: &TableReference| references::resolve(reference, scope);
    let of_query = |query| -> Result<Vec<RelationName>> {
        references::of_query(query)?.iter().map(named).collect()
    };
    let mut creates = None;
    let mut reads = Vec::new();
    match &parsed.statement {
        Statement::CreateView(view) => {
            creates = Some(references::resolve_object(&view.name, scope)?);
            reads = of_query(&view.query)?;
        }
        Statement::CreateTable(table) => {
            creates = Some(references::resolve_object(&table.name, scope)?);
        }
        Statement::Query(query) => reads = of_query(query)?,
        Statement::Comment(comment) => match &comment.target {
            CommentTarget::Relation(name) | CommentTarget::Column(name, _) => {
                reads = vec![references::resolve_object(name, scope)?];
            }
            CommentTarget::Schema(_) => {}
        },
        Statement::Alter(alter) if !matches!(alter.action, AlterAction::Rename(_)) => {
            reads = vec![references::resolve_object(&alter.name, scope)?];
            if let AlterAction::AddConstraint(add) = &alter.action
                && let NewKey::Foreign { relation, .. } = &add.key
            {
                reads.push(references::resolve_object(relation, scope)?);
            }
        }
        Statement::CreateSchema(_) | Statement::Drop(_) => {}
        _ => {
            return Err(Error::Unsupported {
                what: "this statement in a project (a project declares what there is)".to_owned(),
                position: None,
            });
        }
    }
    Ok(Item {
        file,
        place,
        parsed,
        scope: scope.clone(),
        creates,
        reads,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_replaced_and_a_missing_one_is_located() {
        let variables = BTreeMap::from([("root".to_owned(), "/data".to_owned())]);
        assert_eq!(substitute("a ${root}/b", &variables).unwrap(), "a /data/b");
        let error = substitute("a\n  ${other}", &variables).unwrap_err();
        assert_eq!(error.position(), Some(Position { line: 2, column: 3 }));
    }
}
