//! `*` of a select with lateral views.

use sqlparser::ast::{
    ExcludeSelectItem, Expr, Ident, ObjectName, Select, SelectItem,
    SelectItemQualifiedWildcardKind, WildcardAdditionalOptions,
};

use super::{View, places};

/// Whether each `*` can be written for each relation.
pub(super) fn are_known(select: &Select) -> bool {
    let has_joins = select.from.iter().any(|from| !from.joins.is_empty());
    let is_plain = |item: &SelectItem| match item {
        SelectItem::Wildcard(options) => *options == WildcardAdditionalOptions::default(),
        _ => true,
    };
    !has_joins || select.projection.iter().all(is_plain)
}

/// `*` of joined relations has the columns of the views at its end, not those of each behind its
/// relation's.
pub(super) fn spell_out(select: &mut Select, views: &[View]) {
    let [from] = select.from.as_slice() else {
        return;
    };
    if from.joins.is_empty() {
        return;
    }
    let names: Vec<Ident> = places::relations(from)
        .filter_map(places::name_of)
        .collect();
    let views = views.iter().map(|view| Ident::new(view.name.clone()));
    let all: Vec<SelectItem> = names.into_iter().chain(views).map(all_of).collect();
    let items = select.projection.drain(..).flat_map(|item| match item {
        SelectItem::Wildcard(_) => all.clone(),
        item => vec![item],
    });
    select.projection = items.collect();
}

fn all_of(name: Ident) -> SelectItem {
    let name = ObjectName::from(vec![name]);
    let all = SelectItemQualifiedWildcardKind::ObjectName(name);
    SelectItem::QualifiedWildcard(all, WildcardAdditionalOptions::default())
}

impl View {
    /// `t.*` has none of the view's columns, `v.*` no others.
    pub(super) fn rewrite_stars(&self, items: &mut Vec<SelectItem>, relation: Option<&Ident>) {
        let mut rewritten = Vec::with_capacity(items.len());
        for mut item in items.drain(..) {
            if let SelectItem::QualifiedWildcard(
                SelectItemQualifiedWildcardKind::ObjectName(of),
                options,
            ) = &mut item
            {
                let of = of.to_string();
                if of.eq_ignore_ascii_case(&self.name) {
                    let columns = self.columns.iter().cloned().map(Expr::Identifier);
                    rewritten.extend(columns.map(SelectItem::UnnamedExpr));
                    continue;
                }
                if relation.is_some_and(|name| of.eq_ignore_ascii_case(&name.value)) {
                    let own = self.columns.iter().cloned().map(ObjectName::from);
                    let mut excluded: Vec<ObjectName> = own.collect();
                    if let Some(ExcludeSelectItem::Multiple(before)) = &options.opt_exclude {
                        excluded.extend(before.iter().cloned());
                    }
                    options.opt_exclude = Some(ExcludeSelectItem::Multiple(excluded));
                }
            }
            rewritten.push(item);
        }
        *items = rewritten;
    }
}
