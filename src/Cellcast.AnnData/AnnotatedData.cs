namespace Cellcast.AnnData;

/// <summary>
/// An annotated data matrix (AnnData): observations (cells, patients, spots) x variables (genes), with tables, matrices and free entries
/// beside it. Rows of <see cref="Obs"/>, <see cref="Obsm"/> and <see cref="Obsp"/> belong to the rows of <see cref="X"/>, rows of
/// <see cref="Var"/>, <see cref="Varm"/> and <see cref="Varp"/> to its columns.
/// </summary>
public sealed class AnnotatedData : Element
{
    /// <param name="obs">Table of the observations.</param>
    /// <param name="var">Table of the variables.</param>
    /// <param name="x">The main matrix, observations x variables; may be absent.</param>
    /// <exception cref="ArgumentException">The matrix does not have one row per observation and one column per variable.</exception>
    public AnnotatedData(DataFrame obs, DataFrame var, Matrix? x = null)
    {
        ArgumentNullException.ThrowIfNull(obs);
        ArgumentNullException.ThrowIfNull(var);
        (Obs, Var, X) = (obs, var, x);
        if (x is not null && (x.Rows != obs.Length || x.Columns != var.Length))
            throw new ArgumentException($"X is {x.Rows} x {x.Columns}, but there are {obs.Length} observations and {var.Length} variables", nameof(x));
    }

    /// <summary>Where it was read from, for messages; null when made in memory.</summary>
    public string? Source { get; init; }

    /// <summary>What the reader left out or changed, one sentence each.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Number of observations (rows).</summary>
    public int ObservationCount => Obs.Length;

    /// <summary>Number of variables (columns).</summary>
    public int VariableCount => Var.Length;

    /// <summary>The main matrix; null when the file has none or it was not asked for.</summary>
    public Matrix? X { get; set; }

    /// <summary>Table of the observations; its index is <c>obs_names</c>.</summary>
    public DataFrame Obs { get; }

    /// <summary>Table of the variables; its index is <c>var_names</c>.</summary>
    public DataFrame Var { get; }

    /// <summary>Matrices of the shape of <see cref="X"/>, such as <c>counts</c>.</summary>
    public OrderedDictionary<string, Matrix> Layers { get; } = new(StringComparer.Ordinal);

    /// <summary>Per observation: embeddings, coordinates.</summary>
    public ElementMap Obsm { get; init; } = [];

    /// <summary>Per variable: loadings.</summary>
    public ElementMap Varm { get; init; } = [];

    /// <summary>Pairs of observations: neighbour graphs.</summary>
    public ElementMap Obsp { get; init; } = [];

    /// <summary>Pairs of variables.</summary>
    public ElementMap Varp { get; init; } = [];

    /// <summary>Anything else.</summary>
    public ElementMap Uns { get; init; } = [];

    /// <summary>The matrix before genes were filtered out, if kept.</summary>
    public RawData? Raw { get; set; }

    /// <summary>The main matrix or a layer.</summary>
    /// <param name="layer">Name of a layer; null or <c>X</c> for the main matrix.</param>
    /// <exception cref="InputException">There is no such matrix, or it holds text.</exception>
    public Matrix MatrixOf(string? layer = null)
    {
        if (layer is null or "X") return Numbers(X ?? throw new InputException($"'{Source ?? "the data"}' has no matrix X."));
        if (Layers.TryGetValue(layer, out var m)) return Numbers(m);
        string there = Layers.Count == 0 ? "there are none" : $"there are {string.Join(", ", Layers.Keys.Select(k => $"'{k}'"))}";
        throw new InputException($"'{Source ?? "the data"}' has no layer '{layer}'; {there}.");

        Matrix Numbers(Matrix matrix) => matrix.ElementType != typeof(string) ? matrix
            : throw new InputException($"'{Source ?? "the data"}', {(layer is null or "X" ? "X" : "layers/" + layer)}: holds text where numbers are needed; name another matrix, or convert it.");
    }

    /// <summary>What does not fit together, in words; null when everything does.</summary>
    public string? Problem()
    {
        if (X is not null && Misfit("X", X, ObservationCount, VariableCount) is { } p) return p;
        foreach (var (k, m) in Layers)
            if (Misfit($"layers/{k}", m, ObservationCount, VariableCount) is { } q) return q;
        return MapProblem("obsm", Obsm, ObservationCount, false) ?? MapProblem("varm", Varm, VariableCount, false)
            ?? MapProblem("obsp", Obsp, ObservationCount, true) ?? MapProblem("varp", Varp, VariableCount, true)
            ?? (Raw is null ? null : RawProblem(Raw));
    }

    private string? RawProblem(RawData raw) =>
        (raw.X is null ? null : Misfit("raw/X", raw.X, ObservationCount, raw.Var.Length)) ?? MapProblem("raw/varm", raw.Varm, raw.Var.Length, false);

    private static string? Misfit(string key, Matrix m, int rows, int columns) =>
        m.Rows == rows && m.Columns == columns ? null : $"{key} is {m.Rows} x {m.Columns}, expected {rows} x {columns}";

    private static string? MapProblem(string slot, ElementMap map, int n, bool square)
    {
        foreach (var (key, e) in map)
        {
            int? rows = FirstDimension(e);
            if (rows is null) return $"{slot}/{key} ({e.Describe()}) has no rows";
            if (rows != n) return $"{slot}/{key} has {rows} rows, expected {n}";
            if (square && e is not Matrix { } m) return $"{slot}/{key} is not a matrix";
            else if (square && ((Matrix)e).Columns != n) return $"{slot}/{key} has {((Matrix)e).Columns} columns, expected {n}";
        }
        return null;
    }

    private static int? FirstDimension(Element e) => e switch
    {
        Matrix m => m.Rows,
        NdArray a => a.Shape[0],
        DataFrame d => d.Length,
        Column c => c.Length,
        RecordArray r => r.Length,
        _ => null,
    };

    /// <summary>The chosen observations, in that order; everything that belongs to them goes along, <see cref="Uns"/> is shared.</summary>
    public AnnotatedData SelectObservations(ReadOnlySpan<int> rows)
    {
        int[] chosen = rows.ToArray();
        var result = new AnnotatedData(Obs.Select(chosen), Var, X?.SelectRows(chosen))
        {
            Source = Source,
            Warnings = Warnings,
            Obsm = SelectMap(Obsm, chosen, false),
            Obsp = SelectMap(Obsp, chosen, true),
            Varm = Varm,
            Varp = Varp,
            Uns = Uns,
            Raw = Raw is null ? null : new RawData(Raw.X?.SelectRows(chosen), Raw.Var) { Varm = Raw.Varm },
        };
        foreach (var (k, m) in Layers) result.Layers[k] = m.SelectRows(chosen);
        return result;
    }

    /// <summary>The chosen variables, in that order (no repeats); everything that belongs to them goes along, <see cref="Uns"/> and <see cref="Raw"/> are shared.</summary>
    public AnnotatedData SelectVariables(ReadOnlySpan<int> columns)
    {
        int[] chosen = columns.ToArray();
        var result = new AnnotatedData(Obs, Var.Select(chosen), X?.SelectColumns(chosen))
        {
            Source = Source,
            Warnings = Warnings,
            Obsm = Obsm,
            Obsp = Obsp,
            Varm = SelectMap(Varm, chosen, false),
            Varp = SelectMap(Varp, chosen, true),
            Uns = Uns,
            Raw = Raw,
        };
        foreach (var (k, m) in Layers) result.Layers[k] = m.SelectColumns(chosen);
        return result;
    }

    private static ElementMap SelectMap(ElementMap map, int[] chosen, bool pairs)
    {
        var result = new ElementMap();
        foreach (var (key, e) in map)
            result[key] = e switch
            {
                Matrix m => pairs ? m.SelectRows(chosen).SelectColumns(chosen) : m.SelectRows(chosen),
                NdArray a => a.Select(chosen),
                DataFrame d => d.Select(chosen),
                Column c => c.Select(chosen),
                RecordArray r => new RecordArray(r.Fields.Select(f => KeyValuePair.Create(f.Key, f.Value.Select(chosen)))),
                _ => e,
            };
        return result;
    }

    /// <inheritdoc/>
    public override string Describe() => $"{ObservationCount} observations x {VariableCount} variables";
}

/// <summary>The <c>raw</c> slot: the same observations with other variables.</summary>
public sealed class RawData
{
    /// <param name="x">Matrix, observations x variables of <paramref name="var"/>.</param>
    /// <param name="var">Table of its variables.</param>
    public RawData(Matrix? x, DataFrame var)
    {
        ArgumentNullException.ThrowIfNull(var);
        (X, Var) = (x, var);
    }

    /// <summary>The matrix.</summary>
    public Matrix? X { get; }

    /// <summary>Table of its variables.</summary>
    public DataFrame Var { get; }

    /// <summary>Per variable.</summary>
    public ElementMap Varm { get; init; } = [];
}
