//! The relation of a `FROM` that a lateral view belongs to.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Ident, JoinConstraint, JoinOperator, TableFactor, TableWithJoins, Visit, Visitor,
};

use super::View;

/// The name that a relation's columns are qualified with.
pub(super) fn name_of(relation: &TableFactor) -> Option<Ident> {
    match relation {
        TableFactor::Table {
            alias: Some(alias), ..
        }
        | TableFactor::Derived {
            alias: Some(alias), ..
        } => Some(alias.name.clone()),
        TableFactor::Table { name, .. } => name.0.last()?.as_ident().cloned(),
        _ => None,
    }
}

/// The relations from left to right.
pub(super) fn relations(from: &TableWithJoins) -> impl Iterator<Item = &TableFactor> {
    let joined = from.joins.iter().map(|join| &join.relation);
    std::iter::once(&from.relation).chain(joined)
}

pub(super) fn relation_mut(from: &mut TableWithJoins, place: usize) -> Option<&mut TableFactor> {
    match place.checked_sub(1) {
        None => Some(&mut from.relation),
        Some(at) => from.joins.get_mut(at).map(|join| &mut join.relation),
    }
}

/// The one relation whose columns `expr` reads, itself or by the views before it.
pub(super) fn of(expr: &Expr, from: &TableWithJoins, views: &[View]) -> Option<usize> {
    let names: Option<Vec<String>> = relations(from)
        .map(|relation| Some(name_of(relation)?.value))
        .collect();
    let mut reads = Reads {
        names: names?,
        views,
        places: Vec::new(),
    };
    if expr.visit(&mut reads).is_break() {
        return None;
    }
    let first = reads.places.first().copied().unwrap_or(0);
    reads.places.iter().all(|at| *at == first).then_some(first)
}

struct Reads<'a> {
    names: Vec<String>,
    views: &'a [View],
    places: Vec<usize>,
}

impl Reads<'_> {
    /// The relation that has what is called so.
    fn place(&self, name: &Ident, qualifies: bool) -> Option<usize> {
        let is_it = |known: &String| known.eq_ignore_ascii_case(&name.value);
        if qualifies && let Some(at) = self.names.iter().position(is_it) {
            return Some(at);
        }
        let is_view = |view: &&View| qualifies && is_it(&view.name) || view.has_column(&name.value);
        let view = self.views.iter().find(is_view).map(|view| view.place);
        view.or((self.names.len() == 1).then_some(0))
    }
}

impl Visitor for Reads<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        let place = match expr {
            Expr::Identifier(name) => self.place(name, false),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [first, ..] => self.place(first, true),
                [] => None,
            },
            _ => return ControlFlow::Continue(()),
        };
        match place {
            Some(place) => self.places.push(place),
            None => return ControlFlow::Break(()),
        }
        ControlFlow::Continue(())
    }
}

/// Whether more or fewer rows of a relation before the joins are more or fewer of all behind them. If
/// `stays`, a row of NULL stays one.
pub(super) fn commutes(from: &TableWithJoins, place: usize, stays: bool) -> bool {
    from.joins.iter().enumerate().all(|(at, join)| {
        use JoinOperator as Join;
        match &join.join_operator {
            Join::Join(on) | Join::Inner(on) | Join::CrossJoin(on) => names_no_columns(on),
            Join::Left(on) | Join::LeftOuter(on) => {
                // Without a match there is a row of NULL.
                names_no_columns(on) && (at + 1 != place || stays)
            }
            Join::Semi(on) | Join::LeftSemi(on) | Join::Anti(on) | Join::LeftAnti(on) => {
                names_no_columns(on) && at + 1 != place
            }
            _ => false,
        }
    })
}

/// Whether each side keeps its own columns.
fn names_no_columns(on: &JoinConstraint) -> bool {
    matches!(on, JoinConstraint::On(_) | JoinConstraint::None)
}
