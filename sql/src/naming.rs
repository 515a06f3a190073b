//! Names for the columns that a text does not name.
//!
//! In `spark` they are the ones that Spark gives (`count(1)`, `(a + b)`, `CAST(x AS INT)`; see its
//! `toPrettySQL`), so that a script which reads `` `max(x)` `` out of a subquery works. In `ansi`
//! they are the expression as written, as in DuckDB.
//!
//! DataFusion wants the columns of a select list to differ, users do not: a second column of a name
//! gets a hidden suffix, which [`shown`] takes off again.

pub(crate) mod fields;

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use mica_catalog::fold;
use sqlparser::ast::{
    Expr, Ident, OrderBy, OrderByKind, Query, Select, SelectItem, SetExpr, TableFactor, Value,
    VisitMut, VisitorMut,
};

use crate::spelling::spelled;
use crate::{Dialect, StatementText, pretty};

/// Starts the hidden suffix of a column whose name another one has. No text contains it by chance.
pub(crate) const HIDDEN: char = '\u{1}';

/// `name` without its hidden suffix.
pub(crate) fn shown(name: &str) -> &str {
    name.split(HIDDEN).next().unwrap_or(name)
}

/// `message` without the hidden suffixes of names in it.
pub(crate) fn unhidden(message: &str) -> String {
    let mut parts = message.split(HIDDEN);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        text + part.trim_start_matches(|digit: char| digit.is_ascii_digit())
    })
}

/// The name of the column of `expr`, if it is not just a column's.
pub(crate) fn of_expression(expr: &Expr, text: &StatementText, dialect: Dialect) -> Option<String> {
    match expr {
        Expr::Identifier(_) => None,
        Expr::CompoundIdentifier(parts) if parts.len() < 3 => None,
        // `a.b.c`: a field, which is called `c`.
        Expr::CompoundIdentifier(parts) => parts.last().map(|last| spelled(last, text)),
        expr => {
            let mut expr = expr.clone();
            let _ = expr.visit(&mut AsWritten(text));
            Some(match dialect {
                Dialect::Spark => pretty::spark(&expr),
                Dialect::Ansi => expr.to_string(),
            })
        }
    }
}

/// Identifiers in their written spelling.
struct AsWritten<'a>(&'a StatementText);

impl VisitorMut for AsWritten<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let names = match expr {
            Expr::Identifier(name) => std::slice::from_mut(name),
            Expr::CompoundIdentifier(names) => names.as_mut_slice(),
            _ => return ControlFlow::Continue(()),
        };
        for name in names {
            name.value = spelled(name, self.0);
            let plain = |ch: char| ch.is_alphanumeric() || ch == '_';
            if name.value.chars().all(plain) {
                name.quote_style = None;
            }
        }
        ControlFlow::Continue(())
    }
}

/// Which columns get a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// Those that need one: other parts of the text may refer to them, or their texts are the same.
    Needed,
    /// All expressions. Two may be one to the planner though their texts differ.
    All,
}

/// Names what a select list leaves unnamed where other parts of the text may refer to it, and tells
/// columns of one name apart.
pub(crate) fn name_columns(
    query: &mut Query,
    text: &StatementText,
    dialect: Dialect,
    named: Named,
) {
    let mut naming = Naming {
        text,
        dialect,
        named,
    };
    let _ = query.visit(&mut naming);
}

/// The select that names the columns of a query.
pub(crate) fn leftmost(body: &SetExpr) -> Option<&Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => leftmost(&query.body),
        SetExpr::SetOperation { left, .. } => leftmost(left),
        _ => None,
    }
}

fn leftmost_mut(body: &mut SetExpr) -> Option<&mut Select> {
    match body {
        SetExpr::Select(select) => Some(select),
        SetExpr::Query(query) => leftmost_mut(&mut query.body),
        SetExpr::SetOperation { left, .. } => leftmost_mut(left),
        _ => None,
    }
}

struct Naming<'a> {
    text: &'a StatementText,
    dialect: Dialect,
    named: Named,
}

/// `SELECT DISTINCT a + 1 .. ORDER BY a + 1` sorts by its first column: DataFusion would look for
/// an `a` in what the DISTINCT gives.
fn order_by_position(query: &mut Query) {
    let SetExpr::Select(select) = &*query.body else {
        return;
    };
    let Some(OrderBy {
        kind: OrderByKind::Expressions(keys),
        ..
    }) = &mut query.order_by
    else {
        return;
    };
    if select.distinct.is_none() {
        return;
    }
    for key in keys {
        let same = |item: &SelectItem| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                *expr == key.expr
            }
            _ => false,
        };
        let is_one = |item: &SelectItem| {
            matches!(
                item,
                SelectItem::UnnamedExpr(_) | SelectItem::ExprWithAlias { .. }
            )
        };
        if let Some(at) = select.projection.iter().position(same)
            && select.projection[..at].iter().all(is_one)
            && !matches!(key.expr, Expr::Value(_))
        {
            key.expr = Expr::value(Value::Number((at + 1).to_string(), false));
        }
    }
}

/// What a select list is of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    /// A select like any: `a.id, b.id` are two columns to DataFusion.
    Statement,
    /// A subquery that is read by name, where only the last part counts.
    Relation,
}

impl VisitorMut for Naming<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        order_by_position(query);
        for cte in query.with.iter_mut().flat_map(|with| &mut with.cte_tables) {
            self.relation(&mut cte.query);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<()> {
        self.tell_apart(select, Scope::Statement);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Derived { subquery, .. } = factor {
            self.relation(subquery);
        }
        ControlFlow::Continue(())
    }
}

impl Naming<'_> {
    fn relation(&self, query: &mut Query) {
        let Some(select) = leftmost_mut(&mut query.body) else {
            return;
        };
        let relations = fields::relations(select);
        for item in &mut select.projection {
            if let SelectItem::UnnamedExpr(expr) = item
                && let Some(name) = of_expression(expr, self.text, self.dialect)
                    .or_else(|| Some(fields::name(expr, &relations)?.value.clone()))
            {
                *item = aliased(expr, fold(&name));
            }
        }
        self.tell_apart(select, Scope::Relation);
    }

    /// Gives the second and later columns of one name a hidden suffix.
    fn tell_apart(&self, select: &mut Select, scope: Scope) {
        let items = &mut select.projection;
        let is_all = |item: &SelectItem| matches!(item, SelectItem::Wildcard(all) if all == &Default::default());
        let mut seen = Seen {
            // Beside `*` every column is there already.
            all: items.iter().any(is_all),
            relations: HashMap::new(),
        };
        for (at, item) in items.iter_mut().enumerate() {
            match item {
                SelectItem::ExprWithAlias { alias, .. } if seen.again(Key::plain(&alias.value)) => {
                    *alias = hidden(&alias.value, at);
                }
                // To DataFusion a cast is called what it casts: `CAST(id AS TEXT)` is an `id`.
                SelectItem::UnnamedExpr(expr)
                    if matches!(expr, Expr::Cast { .. })
                        || (self.named == Named::All && column(expr).is_none()) =>
                {
                    let name = of_expression(expr, self.text, self.dialect).unwrap_or_default();
                    seen.again(Key::plain(&name));
                    *item = SelectItem::ExprWithAlias {
                        alias: hidden(&name, at),
                        expr: expr.clone(),
                    };
                }
                SelectItem::UnnamedExpr(expr) if seen.again(Key::of(expr, scope)) => {
                    let name = of_expression(expr, self.text, self.dialect)
                        .or_else(|| column(expr).map(|(_, name)| name.to_owned()));
                    *item = SelectItem::ExprWithAlias {
                        alias: hidden(&name.unwrap_or_default(), at),
                        expr: expr.clone(),
                    };
                }
                _ => {}
            }
        }
    }
}

/// What two columns of a select list may not share.
struct Key {
    /// The relation of a column, if it is named; empty for all else.
    relation: String,
    name: String,
    is_column: bool,
}

impl Key {
    fn plain(name: &str) -> Self {
        Self {
            relation: String::new(),
            name: fold(name),
            is_column: false,
        }
    }

    fn of(expr: &Expr, scope: Scope) -> Self {
        let Some((relation, name)) = column(expr) else {
            // DataFusion compares expressions with their names resolved.
            return Self::plain(&pretty::spark(expr));
        };
        let relation = match scope {
            Scope::Statement => relation.map(fold).unwrap_or_default(),
            Scope::Relation => String::new(),
        };
        Self {
            relation,
            name: fold(name),
            is_column: true,
        }
    }
}

/// The columns so far.
struct Seen {
    all: bool,
    relations: HashMap<String, HashSet<String>>,
}

impl Seen {
    /// Whether such a column is there already; it is from now on.
    fn again(&mut self, key: Key) -> bool {
        let relations = self.relations.entry(key.name).or_default();
        let any = !relations.is_empty();
        let again = match key.relation.as_str() {
            "" => any,
            relation => relations.contains("") || relations.contains(relation),
        };
        relations.insert(key.relation);
        again || (self.all && key.is_column)
    }
}

fn aliased(expr: &Expr, name: String) -> SelectItem {
    SelectItem::ExprWithAlias {
        expr: expr.clone(),
        alias: Ident::with_quote('"', name),
    }
}

fn hidden(name: &str, at: usize) -> Ident {
    Ident::with_quote('"', format!("{}{HIDDEN}{at}", fold(name)))
}

/// `t` and `c` of `t.c`; of `c`, the second alone.
fn column(expr: &Expr) -> Option<(Option<&str>, &str)> {
    match expr {
        Expr::Identifier(name) => Some((None, &name.value)),
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [relation, name] => Some((Some(&relation.value), &name.value)),
            _ => None,
        },
        _ => None,
    }
}
