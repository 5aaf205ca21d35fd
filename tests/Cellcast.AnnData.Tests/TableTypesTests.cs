namespace Cellcast.AnnData.Tests;

public class TableTypesTests
{
    [Fact]
    public void Columns_know_their_missing_values_and_their_text()
    {
        Column[] columns =
        [
            new NumericColumn(new[] { 1.5, double.NaN }),
            new NumericColumn(new[] { 15, 0 }, [false, true]),
            new BooleanColumn([true, false], [false, true]),
            new StringColumn(["1.5", null]),
            new CategoricalColumn([1, -1], ["a", "b"]),
        ];
        Assert.Equal(["1.5", "15", "True", "1.5", "b"], columns.Select(c => c.Text(0)));
        Assert.All(columns, c => Assert.Null(c.Text(1)));
        Assert.All(columns, c => Assert.True(c.IsMissing(1) && !c.IsMissing(0)));
        Assert.All(columns, c => Assert.Equal<IEnumerable<string?>>([null, c.Text(0), null], c.Select([1, 0, 1]).ToText()));
        Assert.Equal([15, double.NaN], ((NumericColumn)columns[1]).ToDouble());
    }

    [Fact]
    public void Labels_become_categories_in_ordinal_order()
    {
        var c = CategoricalColumn.FromLabels(["b", null, "B", "a", "b"]);
        Assert.Equal(["B", "a", "b"], c.Categories);
        Assert.Equal([2, -1, 0, 1, 2], c.Codes);
        Assert.Equal([1, 1, 2], c.Counts());
        Assert.Throws<ArgumentException>(() => new CategoricalColumn([2], ["a", "b"]));
    }

    [Fact]
    public void A_missing_column_is_named_with_those_that_are_there()
    {
        var table = new DataFrame(["a"]);
        table.Set("time", new[] { 1.0 });
        table.Set("event", new[] { true });
        string message = Assert.Throws<InputException>(() => table.Require("status", "bulk.h5ad")).Message;
        Assert.Equal("'bulk.h5ad': obs has no column 'status'; it has 'time', 'event'.", message);
        Assert.Throws<ArgumentException>(() => table.Set("x", new[] { 1, 2 }));
    }

    [Fact]
    public void Selecting_takes_everything_along()
    {
        var data = SampleData.Everything();
        var part = data.SelectObservations([5, 0]).SelectVariables([3, 1]);
        Assert.Null(part.Problem());
        Assert.Equal(["cell5", "cell0"], part.Obs.Index);
        Assert.Equal(["g4", "g2"], part.Var.Index);
        Assert.Equal([0, 7, 2, 0], ((SparseMatrix)part.X!).ToDense());
        Assert.Equal(1.0 / 3, ((SparseMatrix64)part.Obsp["distances"]).Values[0]);
        Assert.Equal([15, 13, 7, 5], ((DenseMatrix)part.Varp["corr"]).ToDouble().Select(v => v * 2));
        Assert.Equal(new short[] { 20, 21, 22, 23, 0, 1, 2, 3 }, (short[])((NdArray)part.Obsm["cube"]).Data);
        Assert.Equal([7.0, 8, 3, 4], ((DenseMatrix)part.Varm["PCs"]).ToDouble());
        Assert.Equal(2, part.Raw!.X!.Rows);
    }

    [Fact]
    public void A_missing_layer_is_named_with_those_that_are_there()
    {
        var data = SampleData.Everything();
        Assert.Same(data.X, data.MatrixOf("X"));
        Assert.Same(data.Layers["counts"], data.MatrixOf("counts"));
        Assert.Contains("no layer 'raw'; there are 'counts', 'scaled'", Assert.Throws<InputException>(() => data.MatrixOf("raw")).Message, StringComparison.Ordinal);
    }
}
