//! Aggregates that stand in for DataFusion's and leave most to them.

/// What an [`AggregateUDFImpl`] with a method `inner`, which gives the one that it stands in for, leaves
/// to that.
///
/// [`AggregateUDFImpl`]: datafusion::logical_expr::AggregateUDFImpl
macro_rules! left_to_inner {
    () => {
        // Its optimizer knows aggregates by their names.
        fn name(&self) -> &str {
            self.inner().name()
        }

        fn aliases(&self) -> &[String] {
            self.inner().aliases()
        }

        fn signature(&self) -> &datafusion::logical_expr::Signature {
            self.inner().signature()
        }

        fn return_type(
            &self,
            types: &[datafusion::arrow::datatypes::DataType],
        ) -> datafusion::common::Result<datafusion::arrow::datatypes::DataType> {
            self.inner().return_type(types)
        }

        fn coerce_types(
            &self,
            types: &[datafusion::arrow::datatypes::DataType],
        ) -> datafusion::common::Result<Vec<datafusion::arrow::datatypes::DataType>> {
            self.inner().coerce_types(types)
        }

        fn groups_accumulator_supported(
            &self,
            args: datafusion::logical_expr::function::AccumulatorArgs<'_>,
        ) -> bool {
            self.inner().groups_accumulator_supported(args)
        }

        fn is_descending(&self) -> Option<bool> {
            self.inner().is_descending()
        }

        fn order_sensitivity(&self) -> datafusion::logical_expr::utils::AggregateOrderSensitivity {
            self.inner().order_sensitivity()
        }

        fn reverse_expr(&self) -> datafusion::logical_expr::ReversedUDAF {
            self.inner().reverse_expr()
        }

        fn set_monotonicity(
            &self,
            data_type: &datafusion::arrow::datatypes::DataType,
        ) -> datafusion::logical_expr::SetMonotonicity {
            self.inner().set_monotonicity(data_type)
        }

        fn documentation(&self) -> Option<&datafusion::logical_expr::Documentation> {
            self.inner().documentation()
        }
    };
}

pub(super) use left_to_inner;
