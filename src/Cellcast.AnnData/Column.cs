using System.Globalization;

namespace Cellcast.AnnData;

/// <summary>One column of a <see cref="DataFrame"/>: <see cref="NumericColumn"/>, <see cref="BooleanColumn"/>, <see cref="StringColumn"/> or <see cref="CategoricalColumn"/>.</summary>
public abstract class Column : Element
{
    /// <summary>Number of rows.</summary>
    public abstract int Length { get; }

    /// <summary>Whether a row has no value: masked, a code of -1, a null string, or a NaN.</summary>
    public abstract bool IsMissing(int row);

    /// <summary>A row's value as text in invariant form (numbers in shortest round-trip form, <c>True</c> / <c>False</c>), null when missing.</summary>
    public abstract string? Text(int row);

    /// <summary>The chosen rows, in that order, in a new column of the same kind.</summary>
    public abstract Column Select(ReadOnlySpan<int> rows);

    /// <summary>All rows as text; see <see cref="Text"/>.</summary>
    public string?[] ToText()
    {
        var result = new string?[Length];
        for (int i = 0; i < result.Length; i++) result[i] = Text(i);
        return result;
    }

    private protected static bool[]? Gather(bool[]? mask, ReadOnlySpan<int> rows)
    {
        if (mask is null) return null;
        var result = new bool[rows.Length];
        for (int i = 0; i < rows.Length; i++) result[i] = mask[rows[i]];
        return result;
    }

    private protected static void CheckMask(bool[]? missing, int length)
    {
        if (missing is not null && missing.Length != length) throw new ArgumentException($"a mask of {missing.Length} for {length} rows", nameof(missing));
    }
}

/// <summary>Numbers of any width, in the type they were stored in; with a mask it is pandas' nullable integer (or float).</summary>
public sealed class NumericColumn : Column
{
    /// <param name="values">A 1-D array of any integer or floating point type; kept, not copied.</param>
    /// <param name="missing">True where there is no value (the value there is 0), or null when the kind has no mask.</param>
    public NumericColumn(Array values, bool[]? missing = null)
    {
        ArgumentNullException.ThrowIfNull(values);
        if (!ElementTypes.IsNumeric(values.GetType().GetElementType()!)) throw new ArgumentException("not a numeric array", nameof(values));
        CheckMask(missing, values.Length);
        (Values, Missing) = (values, missing);
    }

    /// <summary>The values in their stored type.</summary>
    public Array Values { get; }

    /// <summary>Mask of missing rows, or null.</summary>
    public bool[]? Missing { get; }

    /// <summary>Stored type.</summary>
    public Type ElementType => Values.GetType().GetElementType()!;

    /// <inheritdoc/>
    public override int Length => Values.Length;

    /// <summary>All rows as doubles, NaN where missing. A new array, or the stored one when nothing needs converting.</summary>
    public double[] ToDouble()
    {
        double[] d = ElementTypes.ToDouble(Values);
        if (Missing is null) return d;
        d = ReferenceEquals(d, Values) ? (double[])d.Clone() : d;
        for (int i = 0; i < d.Length; i++)
            if (Missing[i]) d[i] = double.NaN;
        return d;
    }

    /// <inheritdoc/>
    public override bool IsMissing(int row) => Missing is { } m && m[row] || Values switch
    {
        double[] d => double.IsNaN(d[row]),
        float[] f => float.IsNaN(f[row]),
        Half[] h => Half.IsNaN(h[row]),
        _ => false,
    };

    /// <inheritdoc/>
    public override string? Text(int row) => IsMissing(row) ? null : ((IFormattable)Values.GetValue(row)!).ToString(null, CultureInfo.InvariantCulture);

    /// <inheritdoc/>
    public override Column Select(ReadOnlySpan<int> rows) => new NumericColumn(ElementTypes.Gather(Values, rows), Gather(Missing, rows));

    /// <inheritdoc/>
    public override string Describe() => (Missing is null ? "" : "nullable ") + ElementTypes.Name(ElementType);
}

/// <summary>Truth values; with a mask it is pandas' nullable boolean.</summary>
public sealed class BooleanColumn : Column
{
    /// <param name="values">The values; kept, not copied.</param>
    /// <param name="missing">True where there is no value, or null when the kind has no mask.</param>
    public BooleanColumn(bool[] values, bool[]? missing = null)
    {
        ArgumentNullException.ThrowIfNull(values);
        CheckMask(missing, values.Length);
        (Values, Missing) = (values, missing);
    }

    /// <summary>The values.</summary>
    public bool[] Values { get; }

    /// <summary>Mask of missing rows, or null.</summary>
    public bool[]? Missing { get; }

    /// <inheritdoc/>
    public override int Length => Values.Length;

    /// <inheritdoc/>
    public override bool IsMissing(int row) => Missing is { } m && m[row];

    /// <inheritdoc/>
    public override string? Text(int row) => IsMissing(row) ? null : Values[row] ? "True" : "False";

    /// <inheritdoc/>
    public override Column Select(ReadOnlySpan<int> rows) => new BooleanColumn(Gather(Values, rows)!, Gather(Missing, rows));

    /// <inheritdoc/>
    public override string Describe() => Missing is null ? "bool" : "nullable bool";
}

/// <summary>Strings; null where missing.</summary>
public sealed class StringColumn : Column
{
    /// <param name="values">The strings; kept, not copied.</param>
    public StringColumn(string?[] values)
    {
        ArgumentNullException.ThrowIfNull(values);
        Values = values;
    }

    /// <summary>The strings.</summary>
    public string?[] Values { get; }

    /// <inheritdoc/>
    public override int Length => Values.Length;

    /// <inheritdoc/>
    public override bool IsMissing(int row) => Values[row] is null;

    /// <inheritdoc/>
    public override string? Text(int row) => Values[row];

    /// <inheritdoc/>
    public override Column Select(ReadOnlySpan<int> rows)
    {
        var result = new string?[rows.Length];
        for (int i = 0; i < rows.Length; i++) result[i] = Values[rows[i]];
        return new StringColumn(result);
    }

    /// <inheritdoc/>
    public override string Describe() => "string";
}

/// <summary>Labels out of a fixed list: codes into categories, -1 where missing.</summary>
public sealed class CategoricalColumn : Column
{
    /// <param name="codes">Per row the position in <paramref name="categories"/>, or -1; kept, not copied.</param>
    /// <param name="categories">The labels, all different; kept, not copied.</param>
    /// <param name="ordered">Whether the order of the labels means something.</param>
    /// <param name="numericCategories">The labels as numbers where the file stored numbers, else null.</param>
    public CategoricalColumn(int[] codes, string[] categories, bool ordered = false, Array? numericCategories = null)
    {
        ArgumentNullException.ThrowIfNull(codes);
        ArgumentNullException.ThrowIfNull(categories);
        for (int i = 0; i < codes.Length; i++)
            if (codes[i] < -1 || codes[i] >= categories.Length)
                throw new ArgumentException($"row {i} has code {codes[i]}, but there are {categories.Length} categories", nameof(codes));
        (Codes, Categories, Ordered, NumericCategories) = (codes, categories, ordered, numericCategories);
    }

    /// <summary>Per row the position in <see cref="Categories"/>, or -1.</summary>
    public int[] Codes { get; }

    /// <summary>The labels.</summary>
    public string[] Categories { get; }

    /// <summary>Whether the order of the labels means something.</summary>
    public bool Ordered { get; }

    /// <summary>The labels in their stored numeric (or bool) type where the file had numbers; null for text labels.</summary>
    public Array? NumericCategories { get; }

    /// <inheritdoc/>
    public override int Length => Codes.Length;

    /// <summary>Makes a categorical of labels; the categories are the distinct labels in ordinal order, as pandas sorts them.</summary>
    public static CategoricalColumn FromLabels(IReadOnlyList<string?> labels)
    {
        ArgumentNullException.ThrowIfNull(labels);
        string[] categories = labels.Where(l => l is not null).Select(l => l!).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal).ToArray();
        var code = new Dictionary<string, int>(StringComparer.Ordinal);
        for (int i = 0; i < categories.Length; i++) code[categories[i]] = i;
        return new CategoricalColumn(labels.Select(l => l is null ? -1 : code[l]).ToArray(), categories);
    }

    /// <summary>Number of rows of each category.</summary>
    public int[] Counts()
    {
        var n = new int[Categories.Length];
        foreach (int c in Codes)
            if (c >= 0) n[c]++;
        return n;
    }

    /// <inheritdoc/>
    public override bool IsMissing(int row) => Codes[row] < 0;

    /// <inheritdoc/>
    public override string? Text(int row) => Codes[row] < 0 ? null : Categories[Codes[row]];

    /// <inheritdoc/>
    public override Column Select(ReadOnlySpan<int> rows)
    {
        var result = new int[rows.Length];
        for (int i = 0; i < rows.Length; i++) result[i] = Codes[rows[i]];
        return new CategoricalColumn(result, Categories, Ordered, NumericCategories);
    }

    /// <inheritdoc/>
    public override string Describe() => $"{(Ordered ? "ordered " : "")}categorical, {Categories.Length} categories";
}
