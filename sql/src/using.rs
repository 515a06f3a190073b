//! `USING` of outer joins that make one column of two.
//!
//! ```text
//! SELECT * FROM a FULL JOIN b USING (k) ORDER BY k
//!   -> SELECT coalesce(a.k, b.k) AS k, a.* EXCLUDE (k), b.* EXCLUDE (k)
//!      FROM a FULL JOIN b ON a.k = b.k ORDER BY coalesce(a.k, b.k)
//! ```
//!
//! DataFusion's planner takes the left side's column, which is NULL where only the right side has a
//! row. Without types at hand, chains are rewritten whose joins all name the same columns, so that it
//! is plain whose they are; [`crate::reject`] refuses others.

use sqlparser::ast::{
    BinaryOperator, ExcludeSelectItem, Expr, Ident, JoinConstraint, JoinOperator, ObjectName,
    OrderByKind, Query, Select, SelectItem, SelectItemQualifiedWildcardKind, SetExpr, TableFactor,
    TableWithJoins, VisitMut, WildcardAdditionalOptions,
};

use crate::own_names;
use crate::synonyms::{binary, call_of};

/// Joins of a chain, at most: each key is looked for in all relations before it.
const JOINS_MAX: usize = 64;

/// The keys of a chain of joins, and what each is after the last of them.
struct Chain {
    keys: Vec<Ident>,
    /// The relations, as columns are qualified with them.
    relations: Vec<Vec<Ident>>,
    /// Those of which one has the key of a row.
    holders: Vec<Vec<Ident>>,
}

/// Whether [`rewrite_select`] knows what the keys of `select` are.
pub(crate) fn is_known(select: &Select) -> bool {
    has_chain(&select.from)
        && select.projection.iter().all(is_plain)
        && Chain::of(&mut select.from.clone()).is_some()
}

/// Rewrites a query's own select with its order, if it is one with such a chain.
pub(crate) fn rewrite_query(query: &mut Query) {
    let SetExpr::Select(select) = &mut *query.body else {
        return;
    };
    let named: Vec<String> = select.projection.iter().filter_map(alias).collect();
    let Some(chain) = rewrite(select) else {
        return;
    };
    let Some(order) = &mut query.order_by else {
        return;
    };
    if let OrderByKind::Expressions(exprs) = &mut order.kind {
        // An alias of the select list goes before a column.
        let is_key = |key: &&Ident| !named.iter().any(|name| is_called(key, name));
        let keys = chain.keys.iter().filter(is_key).cloned().collect();
        let chain = Chain { keys, ..chain };
        let listed: Vec<String> = select.projection.iter().filter_map(alias).collect();
        let is_listed = |expr: &Expr| match expr {
            Expr::Identifier(name) => listed.iter().any(|item| is_called(name, item)),
            _ => false,
        };
        for by in exprs.iter_mut().filter(|by| !is_listed(&by.expr)) {
            chain.replace_keys(&mut by.expr);
        }
    }
}

/// Rewrites a select with such a chain.
pub(crate) fn rewrite_select(select: &mut Select) {
    let _ = rewrite(select);
}

/// Rewrites a select with such a chain, and gives it.
fn rewrite(select: &mut Select) -> Option<Chain> {
    if !has_chain(&select.from) || !select.projection.iter().all(is_plain) {
        return None;
    }
    let mut from = select.from.clone();
    let chain = Chain::of(&mut from)?;
    select.from = from;
    let mut items = Vec::with_capacity(select.projection.len());
    for item in select.projection.drain(..) {
        match item {
            SelectItem::Wildcard(_) => {
                items.extend(chain.keys.iter().map(|key| chain.named(key)));
                items.extend(chain.without_keys());
            }
            SelectItem::UnnamedExpr(Expr::Identifier(name)) if chain.key(&name).is_some() => {
                items.push(chain.named(&name));
            }
            item => items.push(item),
        }
    }
    select.projection = items;
    chain.replace_keys(select);
    Some(chain)
}

/// Whether a RIGHT or FULL JOIN names columns to join by.
fn has_chain(from: &[TableWithJoins]) -> bool {
    let mut joins = from.iter().flat_map(|from| &from.joins);
    joins.any(|join| {
        matches!(
            join.join_operator,
            JoinOperator::Right(JoinConstraint::Using(_))
                | JoinOperator::RightOuter(JoinConstraint::Using(_))
                | JoinOperator::FullOuter(JoinConstraint::Using(_))
        )
    })
}

fn alias(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        _ => None,
    }
}

fn is_called(name: &Ident, other: &str) -> bool {
    name.value.eq_ignore_ascii_case(other)
}

/// Whether an item is no wildcard with more behind it.
fn is_plain(item: &SelectItem) -> bool {
    match item {
        SelectItem::Wildcard(options) => {
            let plain = WildcardAdditionalOptions {
                wildcard_token: options.wildcard_token.clone(),
                ..WildcardAdditionalOptions::default()
            };
            *options == plain
        }
        _ => true,
    }
}

impl Chain {
    /// The chain that is all of `from`, whose joins are ON the keys then.
    fn of(from: &mut [TableWithJoins]) -> Option<Self> {
        let [from] = from else {
            return None;
        };
        if from.joins.len() > JOINS_MAX {
            return None;
        }
        let first = qualifier(&from.relation)?;
        let mut chain = Self {
            keys: Vec::new(),
            relations: vec![first.clone()],
            holders: vec![first],
        };
        for join in &mut from.joins {
            let right = qualifier(&join.relation)?;
            let (constraint, left_stays, right_comes) = match &mut join.join_operator {
                JoinOperator::Join(constraint)
                | JoinOperator::Inner(constraint)
                | JoinOperator::Left(constraint)
                | JoinOperator::LeftOuter(constraint) => (constraint, true, false),
                JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                    (constraint, false, true)
                }
                JoinOperator::FullOuter(constraint) => (constraint, true, true),
                _ => return None,
            };
            let keys = using(constraint)?;
            if chain.keys.is_empty() {
                chain.keys = keys;
            } else if !same(&chain.keys, &keys) {
                return None;
            }
            *constraint = JoinConstraint::On(chain.equals(&right)?);
            chain.relations.push(right.clone());
            chain.holders.retain(|_| left_stays);
            chain.holders.extend(right_comes.then_some(right));
        }
        Some(chain)
    }

    /// `a.k = b.k AND ..`, where `a` is what was joined so far.
    fn equals(&self, right: &[Ident]) -> Option<Expr> {
        let equal = |key: &Ident| binary(&self.value(key), BinaryOperator::Eq, &column(right, key));
        let pairs = self.keys.iter().map(equal);
        pairs.reduce(|one, other| binary(&one, BinaryOperator::And, &other))
    }

    fn key(&self, name: &Ident) -> Option<&Ident> {
        self.keys.iter().find(|key| is_called(key, &name.value))
    }

    /// What the key is in a row of the chain.
    fn value(&self, key: &Ident) -> Expr {
        let mut columns: Vec<Expr> = self.holders.iter().map(|of| column(of, key)).collect();
        match columns.len() {
            1 => columns.remove(0),
            _ => call_of("coalesce", columns),
        }
    }

    /// Puts what a key is in the place of its bare name.
    fn replace_keys(&self, node: &mut impl VisitMut) {
        own_names::each_expression(node, |expr| {
            if let Expr::Identifier(name) = expr
                && let Some(key) = self.key(name)
            {
                *expr = self.value(key);
            }
        });
    }

    fn named(&self, key: &Ident) -> SelectItem {
        SelectItem::ExprWithAlias {
            expr: self.value(key),
            alias: key.clone(),
        }
    }

    /// The other columns of all relations.
    fn without_keys(&self) -> impl Iterator<Item = SelectItem> {
        let keys: Vec<ObjectName> = self.keys.iter().cloned().map(ObjectName::from).collect();
        let options = WildcardAdditionalOptions {
            opt_exclude: Some(ExcludeSelectItem::Multiple(keys)),
            ..WildcardAdditionalOptions::default()
        };
        self.relations.iter().map(move |relation| {
            let relation = ObjectName::from(relation.clone());
            let of = SelectItemQualifiedWildcardKind::ObjectName(relation);
            SelectItem::QualifiedWildcard(of, options.clone())
        })
    }
}

fn column(of: &[Ident], name: &Ident) -> Expr {
    Expr::CompoundIdentifier(of.iter().chain([name]).cloned().collect())
}

/// What the columns of a relation are qualified with.
fn qualifier(relation: &TableFactor) -> Option<Vec<Ident>> {
    match relation {
        TableFactor::Table {
            alias: Some(alias), ..
        }
        | TableFactor::Derived {
            alias: Some(alias), ..
        } => Some(vec![alias.name.clone()]),
        TableFactor::Table { name, .. } => {
            let parts = name.0.iter().map(|part| part.as_ident().cloned());
            parts.collect()
        }
        _ => None,
    }
}

/// The columns that a join names.
fn using(constraint: &JoinConstraint) -> Option<Vec<Ident>> {
    let JoinConstraint::Using(columns) = constraint else {
        return None;
    };
    let ident = |name: &ObjectName| name.0.last()?.as_ident().cloned();
    columns.iter().map(ident).collect()
}

fn same(one: &[Ident], other: &[Ident]) -> bool {
    let there = |key: &Ident| other.iter().any(|other| is_called(other, &key.value));
    one.len() == other.len() && one.iter().all(there)
}
