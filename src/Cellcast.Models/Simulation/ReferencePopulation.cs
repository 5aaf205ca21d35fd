using Cellcast.Analysis.Counts;
using Cellcast.AnnData;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.Simulation;

/// <summary>Real labelled cells as the source of mixtures. Every cell counts with its shares of genes, so cells sequenced deeper do not count for more.
/// The inner state of a gradient type is the rank of its cells along their principal direction.</summary>
internal sealed class ReferencePopulation : IMixtureSource
{
    /// <summary>Fewer cells do not show a direction.</summary>
    private const int LeastCellsForGradient = 40;

    private readonly SparseMatrix _counts;
    private readonly double[] _totals;
    private readonly int[][] _cellsOf;
    private readonly double[][] _meanProfiles;
    private readonly int[]? _kept;

    private ReferencePopulation(SparseMatrix counts, double[] totals, string[] genes, string[] types, int[] typeOf, int[][] cellsOf, int[]? kept, bool[] hasGradient, double[] states)
    {
        (_counts, _totals, Genes, Types, TypeOf, _cellsOf, _kept, HasGradient, States) = (counts, totals, genes, types, typeOf, cellsOf, kept, hasGradient, states);
        _meanProfiles = new double[types.Length][];
        for (int k = 0; k < types.Length; k++)
        {
            _meanProfiles[k] = new double[genes.Length];
            foreach (int c in cellsOf[k]) AddCell(c, 1.0 / cellsOf[k].Length, _meanProfiles[k]);
        }
    }

    public string[] Types { get; }

    public string[] Genes { get; }

    public bool[] HasGradient { get; }

    /// <summary>Type of every cell.</summary>
    internal int[] TypeOf { get; }

    /// <summary>State of every cell; 1/2 in types without a gradient.</summary>
    internal double[] States { get; }

    public void AddProfile(int type, double tilt, double weight, Span<double> profile)
    {
        if (tilt == 0)
        {
            for (int g = 0; g < profile.Length; g++) profile[g] += weight * _meanProfiles[type][g];
            return;
        }
        double[] weights = Weights(type, tilt);
        for (int i = 0; i < weights.Length; i++) AddCell(_cellsOf[type][i], weight * weights[i], profile);
    }

    public double MeanState(int type, double tilt)
    {
        double[] weights = Weights(type, tilt);
        double mean = 0;
        for (int i = 0; i < weights.Length; i++) mean += weights[i] * (States[_cellsOf[type][i]] - 0.5);
        return mean;
    }

    /// <summary>The reference, less the cells that only patients have, with label, sample and the known answer added to its table.</summary>
    internal AnnotatedData Annotated(AnnotatedData reference, string label, string? batch, Contributions contributions)
    {
        string file = reference.Source ?? "the reference";
        var obs = new DataFrame(reference.Obs.Index, reference.Obs.IndexName);
        foreach (string name in reference.Obs.ColumnNames) obs[name] = reference.Obs[name];
        obs["label"] = CategoricalColumn.FromLabels(reference.Obs.Require(label, file).ToText());
        if (batch is not null)
        {
            string?[] samples = reference.Obs.Require(batch, file).ToText();
            int missing = Array.IndexOf(samples, null);
            if (missing >= 0) throw new InputException($"'{file}': cell '{reference.Obs.Index[missing]}' has no value in obs['{batch}']: remove it or name its sample.");
            obs["sample"] = CategoricalColumn.FromLabels(samples);
        }
        StudySimulator.AddTruth(obs, TypeOf, States, HasGradient, contributions);
        var all = new AnnotatedData(obs, reference.Var, _counts);
        return _kept is null ? all : all.SelectObservations(_kept);
    }

    /// <summary>Checks the reference and finds the inner states.</summary>
    /// <exception cref="InputException">It holds no raw counts, a cell without counts or label, or only one type.</exception>
    internal static ReferencePopulation From(AnnotatedData reference, string label, SimulationParameters parameters, RandomKey key, ParallelOptions options)
    {
        string file = reference.Source ?? "the reference";
        var column = reference.Obs.Require(label, file);
        var counts = reference.MatrixOf().ToSparse();
        CountCheck.RequireRawCounts(counts, reference, "X", "cell", refuseEmptyRows: true);
        double[] totals = [.. Enumerable.Range(0, counts.Rows).Select(c => Total(counts.RowValues(c)))];
        string?[] labels = column.ToText();
        int unlabelled = Array.IndexOf(labels, null);
        if (unlabelled >= 0) throw new InputException($"'{file}': cell '{reference.Obs.Index[unlabelled]}' has no value in obs['{label}']: remove it or name its type.");
        string[] types = [.. labels.Select(l => l!).Distinct().Order(StringComparer.Ordinal)];
        if (types.Length < 2) throw new InputException($"'{file}': obs['{label}'] has only one value, '{types.FirstOrDefault()}': a cohort is mixed from at least two cell types.");
        var number = types.Select((t, k) => (t, k)).ToDictionary(p => p.t, p => p.k, StringComparer.Ordinal);
        int[] typeOf = [.. labels.Select(l => number[l!])];
        int[][] cellsOf = [.. types.Select((_, k) => Enumerable.Range(0, typeOf.Length).Where(c => typeOf[c] == k).ToArray())];

        int[] large = [.. Enumerable.Range(0, types.Length).Where(k => cellsOf[k].Length >= LeastCellsForGradient)];
        bool[] chosen = CellPopulation.Choose(new RandomStream(key.Split("gradient types")), large.Length, Math.Min(parameters.GradientTypes, large.Length));
        var hasGradient = new bool[types.Length];
        for (int i = 0; i < large.Length; i++) hasGradient[large[i]] = chosen[i];

        var states = new double[typeOf.Length];
        Array.Fill(states, 0.5);
        Parallel.For(0, types.Length, options, k =>
        {
            if (!hasGradient[k]) return;
            double[] scores = PrincipalDirection.Scores(counts, cellsOf[k], totals, key.Split("direction").Split(k));
            int[] order = [.. Enumerable.Range(0, scores.Length).OrderBy(i => scores[i]).ThenBy(i => i)];
            for (int rank = 0; rank < order.Length; rank++) states[cellsOf[k][order[rank]]] = (rank + 0.5) / order.Length;
        });
        int[]? kept = null;
        if (parameters.CellsApart > 0)
        {
            (int[] Kept, int[] Apart)[] parts = [.. cellsOf.Select((cells, k) => Divide(cells, parameters.CellsApart, key.Split("apart").Split(k)))];
            (kept, cellsOf) = ([.. parts.SelectMany(d => d.Kept).Order()], [.. parts.Select(d => d.Apart)]);
        }
        return new ReferencePopulation(counts, totals, reference.Var.Index, types, typeOf, cellsOf, kept, hasGradient, states);
    }

    // At least one cell on either side; the only cell of a type is on both.
    private static (int[] Kept, int[] Apart) Divide(int[] cells, double share, RandomKey key)
    {
        if (cells.Length == 1) return (cells, cells);
        int apart = Math.Clamp((int)Math.Round(share * cells.Length), 1, cells.Length - 1);
        int[] order = new RandomStream(key).NextPermutation(cells.Length);
        return ([.. order[apart..].Select(i => cells[i]).Order()], [.. order[..apart].Select(i => cells[i]).Order()]);
    }

    private double[] Weights(int type, double tilt)
    {
        double[] weights = [.. _cellsOf[type].Select(c => Math.Exp(tilt * (States[c] - 0.5)))];
        double sum = weights.Sum();
        for (int i = 0; i < weights.Length; i++) weights[i] /= sum;
        return weights;
    }

    private static double Total(ReadOnlySpan<float> values)
    {
        double sum = 0;
        foreach (float v in values) sum += v;
        return sum;
    }

    private void AddCell(int cell, double weight, Span<double> profile)
    {
        var genes = _counts.RowIndices(cell);
        var values = _counts.RowValues(cell);
        double factor = weight / _totals[cell];
        for (int i = 0; i < genes.Length; i++) profile[genes[i]] += factor * values[i];
    }
}

/// <summary>The direction along which the cells of one type differ most, once their depth is set aside.</summary>
internal static class PrincipalDirection
{
    private const int Iterations = 60;

    /// <summary>Scores of the cells on the first principal component of log(1 + counts per 10,000) orthogonal to log depth, by power iteration.</summary>
    internal static double[] Scores(SparseMatrix counts, int[] cells, double[] totals, RandomKey key)
    {
        int n = cells.Length;
        double[] depth = [.. cells.Select(c => Math.Log(totals[c]))];
        double mean = depth.Average();
        for (int i = 0; i < n; i++) depth[i] -= mean;
        Scale(depth);
        var random = new RandomStream(key);
        var u = new double[n];
        for (int i = 0; i < n; i++) u[i] = random.NextNormal();
        double[] v = new double[counts.Columns];
        for (int iteration = 0; iteration < Iterations; iteration++)
        {
            // With the scores orthogonal to one, X' u is the product with the centred matrix.
            SetAside(u, depth);
            Array.Clear(v);
            for (int i = 0; i < n; i++)
            {
                var genes = counts.RowIndices(cells[i]);
                var values = counts.RowValues(cells[i]);
                for (int j = 0; j < genes.Length; j++) v[genes[j]] += u[i] * Math.Log(1 + values[j] * 1e4 / totals[cells[i]]);
            }
            for (int i = 0; i < n; i++)
            {
                var genes = counts.RowIndices(cells[i]);
                var values = counts.RowValues(cells[i]);
                u[i] = 0;
                for (int j = 0; j < genes.Length; j++) u[i] += v[genes[j]] * Math.Log(1 + values[j] * 1e4 / totals[cells[i]]);
            }
        }
        SetAside(u, depth);
        // The sign of a direction means nothing; fix it so that runs agree.
        if (v.MaxBy(Math.Abs) < 0)
            for (int i = 0; i < n; i++) u[i] = -u[i];
        return u;
    }

    private static void SetAside(double[] u, double[] depth)
    {
        double mean = u.Average(), along = 0;
        for (int i = 0; i < u.Length; i++) along += (u[i] -= mean) * depth[i];
        for (int i = 0; i < u.Length; i++) u[i] -= along * depth[i];
        Scale(u);
    }

    private static void Scale(double[] u)
    {
        double norm = Math.Sqrt(u.Sum(x => x * x));
        if (norm < 1e-300) return;
        for (int i = 0; i < u.Length; i++) u[i] /= norm;
    }
}
