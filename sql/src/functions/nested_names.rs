//! Fields of structs by name without case, as all other names.

use datafusion::arrow::datatypes::{DataType, Field};
use datafusion::common::{Column, Result, ScalarValue, TableReference, plan_err};
use datafusion::functions::core::get_field;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::planner::{ExprPlanner, PlannerResult, RawFieldAccessExpr};
use datafusion::logical_expr::{Expr, ExprSchemable, GetFieldAccess, lit};

/// Plans `column.field.field` and `(expr).field`: the planner sees folded names, the struct keeps
/// the spelling of its file.
#[derive(Debug)]
pub(crate) struct NestedNames;

/// The stored spelling of `name` among the fields of a struct, and that field's type.
fn field_of<'a>(data_type: &'a DataType, name: &str) -> Option<&'a Field> {
    let DataType::Struct(fields) = data_type else {
        return None;
    };
    let exact = fields.iter().find(|field| field.name() == name);
    let folded = mica_catalog::fold(name);
    let same = |field: &&std::sync::Arc<Field>| mica_catalog::fold(field.name()) == folded;
    exact
        .or_else(|| fields.iter().find(same))
        .map(AsRef::as_ref)
}

fn access(expr: Expr, field: &str) -> Expr {
    Expr::ScalarFunction(ScalarFunction::new_udf(get_field(), vec![expr, lit(field)]))
}

impl ExprPlanner for NestedNames {
    fn plan_compound_identifier(
        &self,
        field: &Field,
        qualifier: Option<&TableReference>,
        nested_names: &[String],
    ) -> Result<PlannerResult<Vec<Expr>>> {
        let mut expr = Expr::Column(Column::from((qualifier, field)));
        let mut data_type = field.data_type();
        for name in nested_names {
            let Some(found) = field_of(data_type, name) else {
                return plan_err!(
                    "'{name}' is not a field of '{}', which is {}",
                    field.name(),
                    crate::types::sql_name(data_type)
                );
            };
            expr = access(expr, found.name());
            data_type = found.data_type();
        }
        Ok(PlannerResult::Planned(expr))
    }

    fn plan_field_access(
        &self,
        raw: RawFieldAccessExpr,
        schema: &datafusion::common::DFSchema,
    ) -> Result<PlannerResult<RawFieldAccessExpr>> {
        if let GetFieldAccess::NamedStructField { name } = &raw.field_access
            && let Some(name) = text(name)
            && let Ok(data_type) = raw.expr.get_type(schema)
            && let Some(found) = field_of(&data_type, name)
        {
            return Ok(PlannerResult::Planned(access(raw.expr, found.name())));
        }
        Ok(PlannerResult::Original(raw))
    }
}

fn text(value: &ScalarValue) -> Option<&str> {
    match value {
        ScalarValue::Utf8(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
        | ScalarValue::Utf8View(Some(text)) => Some(text),
        _ => None,
    }
}
