//! Declaring keys, which inform tools and are not enforced.

use mica_catalog::{Constraint, Key, Relation, RelationBody, RelationName, fold};

use super::{Draft, Executor, SessionContext, columns};
use crate::statement::{AddConstraint, NewKey};
use crate::types::sql_name;
use crate::{Error, Result, references};

/// The constraints of `old` that still make sense over the columns of `body`: a replacement keeps
/// them.
pub(super) fn kept(old: &RelationBody, body: &RelationBody) -> Vec<Constraint> {
    let kept = old.constraints.iter();
    kept.filter(|constraint| constraint.fits(&body.columns))
        .cloned()
        .collect()
}

/// `body` with the foreign keys to `from` referring to `to`, if there are any.
pub(super) fn renamed(
    body: &RelationBody,
    from: &RelationName,
    to: &RelationName,
) -> Option<RelationBody> {
    let mut renamed: Option<RelationBody> = None;
    for (at, constraint) in body.constraints.iter().enumerate() {
        if matches!(&constraint.key, Key::Foreign { relation, .. } if relation == from) {
            let body = renamed.get_or_insert_with(|| body.clone());
            if let Key::Foreign { relation, .. } = &mut body.constraints[at].key {
                relation.clone_from(to);
            }
        }
    }
    renamed
}

impl Executor {
    /// `body` of `old` with one more key. To declare what is declared already changes nothing.
    pub(super) async fn add_constraint(
        &self,
        draft: &Draft,
        old: &Relation,
        body: &mut RelationBody,
        add: &AddConstraint,
        session: &SessionContext,
    ) -> Result<()> {
        let columns = columns_of(old, &add.columns)?;
        let key = self.key(draft, &add.key, old, &columns, session).await?;
        let name = add.name.clone();
        let constraint = Constraint {
            name: name.unwrap_or_else(|| default_name(old, &columns, &key)),
            columns,
            key,
        };
        if body.constraints.contains(&constraint) {
            return Ok(());
        }
        refuse_second(old, &constraint)?;
        body.constraints.push(constraint);
        Ok(())
    }

    /// The stored form of a key of `columns` of `old`.
    async fn key(
        &self,
        draft: &Draft,
        key: &NewKey,
        old: &Relation,
        own: &[String],
        session: &SessionContext,
    ) -> Result<Key> {
        let (relation, named) = match key {
            NewKey::Primary => return Ok(Key::Primary),
            NewKey::Foreign { relation, columns } => (relation, columns),
        };
        let name = references::resolve_object(relation, &session.scope)?;
        let target = self.require(draft, &name).await?;
        let columns = referenced(&target, named, own.len())?;
        refuse_unlike(old, own, &target, &columns)?;
        Ok(Key::Foreign {
            primary_key: None,
            columns,
            relation: target.name,
        })
    }
}

/// The columns of a foreign key can be compared with those that it refers to.
fn refuse_unlike(
    old: &Relation,
    own: &[String],
    target: &Relation,
    columns: &[String],
) -> Result<()> {
    let type_of = |relation: &Relation, column: &String| {
        let found = relation.body.columns.field_with_name(column).ok();
        found.map(|field| field.data_type().clone())
    };
    for (one, other) in own.iter().zip(columns) {
        let Some((here, there)) = type_of(old, one).zip(type_of(target, other)) else {
            continue;
        };
        let alike = here == there
            || (here.is_numeric() && there.is_numeric())
            || (here.is_temporal() && there.is_temporal());
        if !alike {
            return Err(Error::invalid(format!(
                "'{}'.{one} is {}, '{}'.{other} is {}: no key of one is a key of the other; CAST one in its view",
                old.name,
                sql_name(&here),
                target.name,
                sql_name(&there)
            )));
        }
    }
    Ok(())
}

/// A relation has one primary key, and no two constraints of one name.
fn refuse_second(old: &Relation, new: &Constraint) -> Result<()> {
    for known in &old.body.constraints {
        let problem = if fold(&known.name) == fold(&new.name) {
            "has a constraint of that name already"
        } else if known.key == Key::Primary && new.key == Key::Primary {
            "has a primary key already"
        } else {
            continue;
        };
        return Err(Error::invalid(format!(
            "'{}' {problem}: '{}'; drop it first (ALTER .. DROP CONSTRAINT)",
            old.name, known.name
        )));
    }
    Ok(())
}

/// PostgreSQL's: `orders_pkey`, `orders_customer_fkey`.
fn default_name(relation: &Relation, columns: &[String], key: &Key) -> String {
    let relation = relation.name.relation.folded();
    match key {
        Key::Primary => format!("{relation}_pkey"),
        Key::Foreign { .. } => format!("{relation}_{}_fkey", columns.join("_")),
    }
}

/// The columns of a relation as they are spelled there.
fn columns_of(relation: &Relation, wanted: &[String]) -> Result<Vec<String>> {
    let fields = relation.body.columns.fields();
    let spelled = |wanted: &String| {
        let folded = fold(wanted);
        let found = fields.iter().find(|field| fold(field.name()) == folded);
        let found = found.map(|field| field.name().clone());
        found.ok_or_else(|| columns::missing(relation, wanted))
    };
    let columns: Vec<String> = wanted.iter().map(spelled).collect::<Result<_>>()?;
    let twice = |at: usize| columns[..at].contains(&columns[at]);
    match (0..columns.len()).find(|at| twice(*at)) {
        Some(at) => Err(Error::invalid(format!(
            "column '{}' stands twice in the key",
            columns[at]
        ))),
        None => Ok(columns),
    }
}

fn primary_key(relation: &Relation) -> Option<&Constraint> {
    let mut constraints = relation.body.constraints.iter();
    constraints.find(|constraint| constraint.key == Key::Primary)
}

/// The columns that a foreign key refers to: those named, else the other's primary key.
fn referenced(target: &Relation, named: &[String], count: usize) -> Result<Vec<String>> {
    let columns = match (named, primary_key(target)) {
        ([], Some(primary)) => primary.columns.clone(),
        ([], None) => {
            return Err(Error::invalid(format!(
                "'{}' has no primary key: name the columns, as in REFERENCES {} (id)",
                target.name, target.name
            )));
        }
        (named, _) => columns_of(target, named)?,
    };
    match columns.len() == count {
        true => Ok(columns),
        false => Err(Error::invalid(format!(
            "the foreign key has {count} columns, what it refers to has {}",
            columns.len()
        ))),
    }
}

/// Takes a constraint away.
pub(super) fn drop(body: &mut RelationBody, name: Option<&str>, if_exists: bool) -> Result<()> {
    let is_it = |constraint: &Constraint| match name {
        Some(name) => fold(&constraint.name) == fold(name),
        None => constraint.key == Key::Primary,
    };
    match body.constraints.iter().position(is_it) {
        Some(at) => {
            body.constraints.remove(at);
            Ok(())
        }
        None if if_exists => Ok(()),
        None => Err(Error::invalid(match name {
            Some(name) => format!("there is no constraint '{name}'; add IF EXISTS to ignore that"),
            None => "there is no primary key".to_owned(),
        })),
    }
}
