namespace Cellcast.AnnData.Tests;

/// <summary>Whether two data sets hold the same, bit for bit, element kinds and stored types included.</summary>
internal static class Same
{
    internal static void Data(AnnotatedData a, AnnotatedData b)
    {
        Table("obs", a.Obs, b.Obs);
        Table("var", a.Var, b.Var);
        Elements("X", a.X, b.X);
        Assert.Equal(a.Layers.Keys.Order(StringComparer.Ordinal), b.Layers.Keys.Order(StringComparer.Ordinal));
        foreach (var (k, m) in a.Layers) Elements($"layers/{k}", m, b.Layers[k]);
        Maps("obsm", a.Obsm, b.Obsm);
        Maps("varm", a.Varm, b.Varm);
        Maps("obsp", a.Obsp, b.Obsp);
        Maps("varp", a.Varp, b.Varp);
        Maps("uns", a.Uns, b.Uns);
        Assert.Equal(a.Raw is null, b.Raw is null);
        if (a.Raw is null) return;
        Elements("raw/X", a.Raw.X, b.Raw!.X);
        Table("raw/var", a.Raw.Var, b.Raw.Var);
        Maps("raw/varm", a.Raw.Varm, b.Raw.Varm);
    }

    internal static void Maps(string key, ElementMap a, ElementMap b)
    {
        Assert.Equal(a.Keys.Order(StringComparer.Ordinal), b.Keys.Order(StringComparer.Ordinal));
        foreach (var (k, e) in a) Elements($"{key}/{k}", e, b[k]);
    }

    internal static void Table(string key, DataFrame a, DataFrame b)
    {
        Assert.Equal(a.Index, b.Index);
        Assert.Equal(a.IndexName, b.IndexName);
        Assert.Equal(a.ColumnNames, b.ColumnNames);
        foreach (string c in a.ColumnNames) Elements($"{key}/{c}", a[c], b[c]);
    }

    internal static void Elements(string key, Element? a, Element? b)
    {
        Assert.True(a?.GetType() == b?.GetType(), $"{key}: {a?.GetType()} became {b?.GetType()}");
        switch (a, b)
        {
            case (SparseMatrix m, SparseMatrix n):
                Assert.Equal((m.Rows, m.Columns), (n.Rows, n.Columns));
                Assert.Equal(m.IndPtr, n.IndPtr);
                Assert.Equal(m.Indices, n.Indices);
                Arrays(key, m.Values, n.Values);
                break;
            case (SparseMatrix64 m, SparseMatrix64 n):
                Assert.Equal((m.Rows, m.Columns), (n.Rows, n.Columns));
                Assert.Equal(m.IndPtr, n.IndPtr);
                Assert.Equal(m.Indices, n.Indices);
                Arrays(key, m.Values, n.Values);
                break;
            case (DenseMatrix m, DenseMatrix n):
                Assert.Equal((m.Rows, m.Columns), (n.Rows, n.Columns));
                Arrays(key, m.Data, n.Data);
                break;
            case (NdArray m, NdArray n):
                Assert.Equal(m.Shape, n.Shape);
                Arrays(key, m.Data, n.Data);
                break;
            case (DataFrame m, DataFrame n):
                Table(key, m, n);
                break;
            case (CategoricalColumn m, CategoricalColumn n):
                Assert.Equal(m.Codes, n.Codes);
                Assert.Equal(m.Categories, n.Categories);
                Assert.Equal(m.Ordered, n.Ordered);
                break;
            case (NumericColumn m, NumericColumn n):
                Arrays(key, m.Values, n.Values);
                Assert.Equal(m.Missing, n.Missing);
                break;
            case (BooleanColumn m, BooleanColumn n):
                Assert.Equal(m.Values, n.Values);
                Assert.Equal(m.Missing, n.Missing);
                break;
            case (StringColumn m, StringColumn n):
                Assert.Equal(m.Values, n.Values);
                break;
            case (Scalar m, Scalar n):
                Assert.Equal(m.Value, n.Value);
                break;
            case (RecordArray m, RecordArray n):
                Assert.Equal(m.Fields.Keys, n.Fields.Keys);
                foreach (var (k, f) in m.Fields) Elements($"{key}/{k}", f, n.Fields[k]);
                break;
            case (ElementMap m, ElementMap n):
                Maps(key, m, n);
                break;
            case (null, null):
                break;
            default:
                Assert.Fail($"{key}: no comparison for {a?.GetType()}");
                break;
        }
    }

    private static void Arrays(string key, Array a, Array b)
    {
        Assert.True(a.GetType() == b.GetType(), $"{key}: {a.GetType()} became {b.GetType()}");
        // Bits, so that NaN and -0 count.
        if (a is double[] d) Assert.Equal(Array.ConvertAll(d, BitConverter.DoubleToInt64Bits), Array.ConvertAll((double[])b, BitConverter.DoubleToInt64Bits));
        else if (a is float[] f) Assert.Equal(Array.ConvertAll(f, BitConverter.SingleToInt32Bits), Array.ConvertAll((float[])b, BitConverter.SingleToInt32Bits));
        else Assert.Equal(a.Cast<object>(), b.Cast<object>());
    }
}
