using Cellcast.Analysis.Counts;
using Cellcast.AnnData;
using Cellcast.Models.Training;

namespace Cellcast.Models.ScRobust;

/// <summary>How counts become token values; stored with an encoder, because new cells must be treated alike.</summary>
public sealed record CellPreprocessing
{
    /// <summary>Every cell is scaled to this total before log1p.</summary>
    public double Total { get; init; } = 10_000;

    /// <summary>Gene names are taken in upper case, which makes most mouse symbols those of their human orthologues.</summary>
    public bool UpperCase { get; init; }

    /// <summary>Only whether a value is above 0 counts, as with accessibility peaks: every token's value is 1, nothing is scaled or logged.</summary>
    public bool Presence { get; init; }

    /// <summary>A cell's token values are divided by their mean: they say which of its genes are high, not how deeply it was sequenced (the value of a single molecule alone gives that away).</summary>
    public bool RelativeValues { get; init; }
}

/// <summary>The cells of one file as log1p of counts scaled to a common total, genes by name, names unique.</summary>
public sealed class NormalizedCells
{
    private NormalizedCells(string source, string[] cells, string[] genes, SparseMatrix values, CellPreprocessing preprocessing) => (Source, Cells, Genes, Values, Preprocessing) = (source, cells, genes, values, preprocessing);

    /// <summary>The file.</summary>
    public string Source { get; }

    /// <summary>Cell names.</summary>
    public IReadOnlyList<string> Cells { get; }

    /// <summary>Gene names.</summary>
    public string[] Genes { get; }

    /// <summary>Cells x genes, all stored values above 0.</summary>
    public SparseMatrix Values { get; }

    /// <summary>How they came about.</summary>
    public CellPreprocessing Preprocessing { get; }

    /// <summary>Looks at what a matrix holds and normalises it where it is not normalised yet; says which.</summary>
    /// <param name="data">The cells.</param>
    /// <param name="preprocessing">What is wanted.</param>
    /// <param name="progress">Is told what was found and done.</param>
    /// <param name="layer">The matrix; null for X.</param>
    /// <param name="known">What the values are, where these cells are only some of a matrix; looked at here when null.</param>
    /// <exception cref="InputException">The values are neither counts nor normalised: negative, not finite or all zero.</exception>
    public static NormalizedCells From(AnnotatedData data, CellPreprocessing preprocessing, ITrainingProgress progress, string? layer = null, CountSummary? known = null)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(preprocessing);
        ArgumentNullException.ThrowIfNull(progress);
        string source = data.Source ?? "the data", slot = layer is null or "X" ? "X" : "layers/" + layer;
        SparseMatrix x = data.MatrixOf(layer).ToSparse();
        CountSummary found = known ?? CountSummary.Of(x);
        if (found.Kind is ValueKind.Scaled or ValueKind.NotFinite or ValueKind.Empty)
        {
            var elsewhere = CountCheck.SlotsWithCounts(data);
            string hint = elsewhere.Count > 0 ? $"; raw counts are in {string.Join(" and ", elsewhere.Select(s => $"'{s}'"))}: choose them with --layer" : "; give raw counts or log-normalised values";
            throw new InputException($"'{source}', {slot}: {found.Describe()}{hint}.");
        }
        var (genes, column, repeats) = Names(data.Var.Index, preprocessing.UpperCase);
        if (preprocessing.Presence)
        {
            progress.Message($"{source}, {slot}: {found.Describe()}; {(found.Kind == ValueKind.Binary ? "taken as presence and absence" : "every value above 0 is taken as 1")}, neither scaled nor logged.");
            return new NormalizedCells(source, data.Obs.Index, genes, Present(x, column, genes.Length), preprocessing);
        }
        bool logged = found.Kind == ValueKind.Logged;
        bool asTheyAre = logged && (found.CommonTotal is not { } t || Math.Abs(t - preprocessing.Total) <= 1e-3 * preprocessing.Total);
        progress.Message(FormattableString.Invariant($"{source}, {slot}: {found.Describe()}; {(asTheyAre ? "taken as they are" : $"{(logged ? "scaled again" : "scaled")} to {preprocessing.Total:G6} per cell, then log1p")}."));
        if (repeats > 0) progress.Message($"{source}: {repeats:N0} genes share their name with another; their values are added up.");
        return new NormalizedCells(source, data.Obs.Index, genes, Normalize(x, column, genes.Length, logged, asTheyAre, preprocessing.Total), preprocessing);
    }

    /// <summary>The chosen cells.</summary>
    /// <param name="rows">Row numbers.</param>
    public NormalizedCells Select(int[] rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        return new NormalizedCells(Source, [.. rows.Select(r => Cells[r])], Genes, Values.SelectRows(rows), Preprocessing);
    }

    /// <summary>The same cells with the genes of others as columns, matched by name; genes that these do not have are zero.</summary>
    /// <param name="genes">Names, each once.</param>
    public NormalizedCells On(string[] genes)
    {
        ArgumentNullException.ThrowIfNull(genes);
        var place = genes.Select((g, i) => (g, i)).ToDictionary(x => x.g, x => x.i, StringComparer.Ordinal);
        int[] to = [.. Genes.Select(g => place.GetValueOrDefault(g, -1))];
        var pointers = new long[Values.Rows + 1];
        var indices = new int[Values.StoredCount];
        var values = new float[indices.Length];
        int write = 0;
        for (int r = 0; r < Values.Rows; r++)
        {
            var from = Values.RowIndices(r);
            var v = Values.RowValues(r);
            int start = write;
            for (int k = 0; k < from.Length; k++)
                if (to[from[k]] >= 0) (indices[write], values[write++]) = (to[from[k]], v[k]);
            Array.Sort(indices, values, start, write - start);
            pointers[r + 1] = write;
        }
        return new NormalizedCells(Source, [.. Cells], genes, new SparseMatrix(Values.Rows, genes.Length, pointers, indices[..write], values[..write]), Preprocessing);
    }

    /// <summary>The cells that express at least so many genes.</summary>
    /// <param name="minimumGenes">How many.</param>
    /// <param name="progress">Is told how many were left out.</param>
    /// <exception cref="InputException">None is left.</exception>
    public NormalizedCells WithGenes(int minimumGenes, ITrainingProgress progress)
    {
        ArgumentNullException.ThrowIfNull(progress);
        int[] rows = [.. Enumerable.Range(0, Values.Rows).Where(r => Values.IndPtr[r + 1] - Values.IndPtr[r] >= minimumGenes)];
        if (rows.Length == Values.Rows) return this;
        if (rows.Length == 0) throw new InputException($"'{Source}': no cell expresses {minimumGenes} genes or more; lower --min-genes.");
        progress.Message($"{Source}: {Values.Rows - rows.Length:N0} of {Values.Rows:N0} cells express fewer than {minimumGenes:N0} genes and are left out.");
        return Select(rows);
    }

    private static (string[] Genes, int[] Column, int Repeats) Names(string[] names, bool upperCase)
    {
        var genes = new List<string>();
        var place = new Dictionary<string, int>(StringComparer.Ordinal);
        var column = new int[names.Length];
        for (int i = 0; i < names.Length; i++)
        {
            string name = upperCase ? names[i].ToUpperInvariant() : names[i];
            if (!place.TryGetValue(name, out column[i]))
            {
                place[name] = column[i] = genes.Count;
                genes.Add(name);
            }
        }
        return ([.. genes], column, names.Length - genes.Count);
    }

    /// <summary>1 where any column of a name is above 0.</summary>
    private static SparseMatrix Present(SparseMatrix x, int[] column, int genes)
    {
        var pointers = new long[x.Rows + 1];
        var indices = new int[x.Values.Length];
        int write = 0;
        for (int r = 0; r < x.Rows; r++)
        {
            var from = x.RowIndices(r);
            var stored = x.RowValues(r);
            int start = write;
            for (int k = 0; k < from.Length; k++)
                if (stored[k] > 0) indices[write++] = column[from[k]];
            var row = indices.AsSpan(start, write - start);
            row.Sort();
            int kept = 0;
            for (int k = 0; k < row.Length; k++)
                if (k == 0 || row[k] != row[k - 1]) row[kept++] = row[k];
            pointers[r + 1] = write = start + kept;
        }
        var values = new float[write];
        Array.Fill(values, 1);
        return new SparseMatrix(x.Rows, genes, pointers, indices[..write], values);
    }

    private static SparseMatrix Normalize(SparseMatrix x, int[] column, int genes, bool logged, bool asTheyAre, double target)
    {
        var pointers = new long[x.Rows + 1];
        var indices = new int[x.Values.Length];
        var values = new float[x.Values.Length];
        var linear = new double[genes];
        var touched = new List<int>();
        long write = 0;
        for (int r = 0; r < x.Rows; r++)
        {
            var from = x.RowIndices(r);
            var stored = x.RowValues(r);
            double total = 0;
            touched.Clear();
            for (int k = 0; k < from.Length; k++)
            {
                if (stored[k] <= 0) continue;
                int g = column[from[k]];
                double v = logged ? Math.Exp(stored[k]) - 1 : stored[k];
                total += v;
                if (linear[g] == 0) touched.Add(g);
                linear[g] += v;
            }
            touched.Sort();
            // Values that are taken as they are and were not added up stay what they are, to the bit.
            bool untouched = asTheyAre && genes == column.Length;
            double scale = asTheyAre ? 1 : target / total;
            int next = 0;
            foreach (int g in touched)
            {
                indices[write] = g;
                if (untouched)
                {
                    while (stored[next] <= 0) next++;
                    values[write++] = stored[next++];
                }
                else values[write++] = (float)Math.Log(1 + scale * linear[g]);
                linear[g] = 0;
            }
            pointers[r + 1] = write;
        }
        return new SparseMatrix(x.Rows, genes, pointers, indices[..(int)write], values[..(int)write]);
    }
}
