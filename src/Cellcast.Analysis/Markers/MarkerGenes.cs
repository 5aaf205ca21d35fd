using Cellcast.Analysis.Preprocessing;
using Cellcast.Analysis.Statistics;
using Cellcast.AnnData;

namespace Cellcast.Analysis.Markers;

/// <summary>How genes of a group are told from those of the other cells.</summary>
public enum MarkerTest
{
    /// <summary>Wilcoxon's rank-sum test in its normal approximation.</summary>
    Wilcoxon,

    /// <summary>Welch's t test.</summary>
    Welch,

    /// <summary>Welch's t test as if the reference had as few cells as the group, which overestimates the variance and so spares small groups false calls (scanpy's <c>t-test_overestim_var</c>).</summary>
    WelchOverestimatedVariance,
}

/// <summary>Settings of <see cref="MarkerGenes"/>.</summary>
public sealed record MarkerOptions
{
    /// <summary>The test.</summary>
    public MarkerTest Test { get; init; } = MarkerTest.Wilcoxon;

    /// <summary>Wilcoxon: correct the variance for ties, of which expression has many. scanpy does so with <c>tie_correct=True</c> only.</summary>
    public bool TieCorrection { get; init; } = true;

    /// <summary>Group that all others are compared with; null: each group with all other cells.</summary>
    public string? Reference { get; init; }

    /// <summary>Rank genes by the absolute score, so that genes that a group lacks come up too.</summary>
    public bool ByAbsoluteScore { get; init; }
}

/// <summary>All genes in one group against its reference. Arrays have one entry per gene, in the order of the genes.</summary>
/// <param name="Group">The group.</param>
/// <param name="Cells">Number of its cells.</param>
/// <param name="ReferenceCells">Number of cells it is compared with.</param>
/// <param name="Scores">z of the rank-sum test or t: positive where the gene is higher in the group; 0 where it does not vary.</param>
/// <param name="PValues">Two-sided p-values; 1 where the gene does not vary.</param>
/// <param name="QValues">p-values adjusted over the genes (Benjamini and Hochberg).</param>
/// <param name="LogFoldChanges">log2 of (exp(mean of group) - 1 + 1e-9) / (exp(mean of reference) - 1 + 1e-9), the means being of logarithmic expression, as scanpy computes it.</param>
/// <param name="Means">Mean expression in the group.</param>
/// <param name="ReferenceMeans">Mean expression in the reference.</param>
/// <param name="Shares">Share of the cells of the group that express the gene.</param>
/// <param name="ReferenceShares">Share of the cells of the reference that express the gene.</param>
/// <param name="Order">The genes, best first; of equal scores the first gene first.</param>
public sealed record GroupMarkers(string Group, int Cells, int ReferenceCells, double[] Scores, double[] PValues, double[] QValues, double[] LogFoldChanges, double[] Means, double[] ReferenceMeans,
    double[] Shares, double[] ReferenceShares, int[] Order);

/// <summary>Genes that tell groups of cells from the others, with the numbers of scanpy's <c>rank_genes_groups</c>.</summary>
public sealed class MarkerGenes
{
    private const double FoldChangeFloor = 1e-9;

    private MarkerGenes(IReadOnlyList<GroupMarkers> groups, MarkerOptions options) => (Groups, Options) = (groups, options);

    /// <summary>The groups, in the order they were given in; the reference is not among them.</summary>
    public IReadOnlyList<GroupMarkers> Groups { get; }

    /// <summary>How they were found.</summary>
    public MarkerOptions Options { get; }

    /// <summary>Ranks the genes of every group. Groups without cells are left out, and so are cells without a group.</summary>
    /// <param name="expression">Cells x genes, log(1 + normalised counts) for the fold changes to be those of expression.</param>
    /// <param name="groups">Group of each cell.</param>
    /// <param name="options">Settings; null for the defaults.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <param name="cancellation">Stops the work between genes.</param>
    /// <exception cref="InputException">There are fewer than two groups, the reference is none of them, or a value is not finite.</exception>
    public static MarkerGenes Rank(SparseMatrix expression, CategoricalColumn groups, MarkerOptions? options = null, int threads = 0, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(expression);
        ArgumentNullException.ThrowIfNull(groups);
        options ??= new MarkerOptions();
        if (groups.Length != expression.Rows) throw new ArgumentException($"{groups.Length} cells have a group, but there are {expression.Rows}", nameof(groups));
        int[] size = groups.Counts(), used = [.. Enumerable.Range(0, size.Length).Where(g => size[g] > 0)];
        if (used.Length < 2) throw new InputException($"the cells have {used.Length} group{(used.Length == 1 ? "" : "s")}; marker genes need at least two to compare.");
        int reference = -1;
        if (options.Reference is { } name && (reference = Array.FindIndex(used, g => groups.Categories[g] == name)) < 0)
            throw new InputException($"no cell is in the group '{name}' that the others are to be compared with; there are {string.Join(", ", used.Take(20).Select(g => $"'{groups.Categories[g]}'"))}{(used.Length > 20 ? ", …" : "")}.");
        var number = new int[size.Length];
        Array.Fill(number, -1);
        for (int k = 0; k < used.Length; k++) number[used[k]] = k;
        int[] group = [.. groups.Codes.Select(c => c < 0 ? -1 : number[c])], cells = [.. used.Select(g => size[g])];

        var work = new Work(expression.Transpose(), group, cells, reference, options);
        Blocks.Ranges(expression.Columns, threads, (from, to) =>
        {
            var gene = work.NewGene();
            for (int g = from; g < to; g++)
            {
                cancellation.ThrowIfCancellationRequested();
                gene.Compute(g);
            }
        });
        var found = new List<GroupMarkers>();
        for (int k = 0; k < used.Length; k++)
            if (k != reference) found.Add(work.Result(k, groups.Categories[used[k]]));
        return new MarkerGenes(found, options);
    }

    private sealed class Work
    {
        private readonly SparseMatrix _byGene;
        private readonly int[] _group, _cells;
        private readonly int _reference, _all;
        private readonly MarkerOptions _options;
        private readonly double[][] _scores, _p, _foldChange, _mean, _referenceMean, _share, _referenceShare;

        public Work(SparseMatrix byGene, int[] group, int[] cells, int reference, MarkerOptions options)
        {
            (_byGene, _group, _cells, _reference, _options, _all) = (byGene, group, cells, reference, options, cells.Sum());
            double[][] New() => [.. cells.Select(_ => new double[byGene.Rows])];
            (_scores, _p, _foldChange, _mean, _referenceMean, _share, _referenceShare) = (New(), New(), New(), New(), New(), New(), New());
        }

        public GeneWork NewGene() => new(this);

        public GroupMarkers Result(int k, string name)
        {
            double[] scores = _scores[k];
            int[] order = [.. Enumerable.Range(0, scores.Length).OrderByDescending(g => _options.ByAbsoluteScore ? Math.Abs(scores[g]) : scores[g])];
            return new GroupMarkers(name, _cells[k], _reference < 0 ? _all - _cells[k] : _cells[_reference], scores, _p[k], MultipleTesting.BenjaminiHochberg(_p[k]), _foldChange[k], _mean[k], _referenceMean[k],
                _share[k], _referenceShare[k], order);
        }

        /// <summary>Scratch of one thread.</summary>
        public sealed class GeneWork(Work w)
        {
            private readonly int _groups = w._cells.Length;
            private readonly double[] _sum = new double[w._cells.Length], _squares = new double[w._cells.Length], _rankSum = new double[w._cells.Length];
            private readonly int[] _stored = new int[w._cells.Length], _zeros = new int[w._cells.Length], _from = new int[w._cells.Length + 1];
            private float[] _values = [], _sorted = [];
            private int[] _sample = [], _order = [];

            public void Compute(int gene)
            {
                int n = Collect(gene);
                Moments(n);
                double ties = 0;
                bool wilcoxon = w._options.Test == MarkerTest.Wilcoxon;
                if (wilcoxon)
                {
                    Sort(n);
                    if (w._reference < 0) ties = SparseRankSum.OfAll(_values.AsSpan(0, n), _sample.AsSpan(0, n), _zeros, _rankSum);
                    else Split(n);
                }
                double allSum = 0, allStored = 0;
                for (int k = 0; k < _groups; k++)
                {
                    allSum += _sum[k];
                    allStored += _stored[k];
                }
                double allSquares = 0, allMean = allSum / w._all;
                for (int k = 0; k < _groups; k++)
                {
                    double d = _sum[k] / w._cells[k] - allMean;
                    allSquares += _squares[k] + w._cells[k] * d * d;
                }
                for (int k = 0; k < _groups; k++)
                {
                    if (k == w._reference) continue;
                    int n1 = w._cells[k], n2 = w._reference < 0 ? w._all - n1 : w._cells[w._reference];
                    double mean = _sum[k] / n1, otherMean, otherSquares, otherStored;
                    if (w._reference >= 0) (otherMean, otherSquares, otherStored) = (_sum[w._reference] / n2, _squares[w._reference], _stored[w._reference]);
                    else
                    {
                        otherStored = allStored - _stored[k];
                        // Of all squares take those of the group and those between both; what rounding leaves of nothing is nothing.
                        otherMean = otherStored == 0 ? 0 : (allSum - _sum[k]) / n2;
                        double d = mean - otherMean;
                        otherSquares = otherStored == 0 ? 0 : Math.Max(0, allSquares - _squares[k] - (double)n1 * n2 / w._all * d * d);
                    }
                    double score, p;
                    if (wilcoxon)
                    {
                        double sum = _rankSum[k];
                        if (w._reference >= 0)
                            (sum, ties) = SparseRankSum.OfTwo(_sorted.AsSpan(_from[k], _from[k + 1] - _from[k]), _zeros[k], _sorted.AsSpan(_from[w._reference], _from[w._reference + 1] - _from[w._reference]), _zeros[w._reference]);
                        var test = TwoSampleTests.FromRankSum(sum, n1, n2, w._options.TieCorrection ? ties : 0, continuity: false);
                        (score, p) = (test.Z, test.PValue);
                    }
                    else
                    {
                        int counted = w._options.Test == MarkerTest.WelchOverestimatedVariance ? n1 : n2;
                        var test = TwoSampleTests.Welch(mean, _squares[k] / (n1 - 1), n1, otherMean, otherSquares / (n2 - 1), counted);
                        (score, p) = (test.Statistic, test.PValue);
                    }
                    w._scores[k][gene] = double.IsNaN(score) ? 0 : score;
                    w._p[k][gene] = double.IsNaN(p) ? 1 : p;
                    w._foldChange[k][gene] = Math.Log2((Normalization.Expm1(mean) + FoldChangeFloor) / (Normalization.Expm1(otherMean) + FoldChangeFloor));
                    w._mean[k][gene] = mean;
                    w._referenceMean[k][gene] = otherMean;
                    w._share[k][gene] = (double)_stored[k] / n1;
                    w._referenceShare[k][gene] = otherStored / n2;
                }
            }

            private int Collect(int gene)
            {
                var cell = w._byGene.RowIndices(gene);
                var value = w._byGene.RowValues(gene);
                if (_values.Length < cell.Length)
                {
                    _values = new float[cell.Length];
                    _sorted = new float[cell.Length];
                    _sample = new int[cell.Length];
                    _order = new int[cell.Length];
                }
                Array.Clear(_stored);
                int n = 0;
                for (int e = 0; e < cell.Length; e++)
                {
                    int g = w._group[cell[e]];
                    if (g < 0 || value[e] == 0) continue;
                    if (!float.IsFinite(value[e])) throw new InputException($"gene {gene + 1} of the expression is {value[e]} in cell {cell[e] + 1}; marker genes need finite values.");
                    (_values[n], _sample[n++]) = (value[e], g);
                    _stored[g]++;
                }
                for (int k = 0; k < _groups; k++) _zeros[k] = w._cells[k] - _stored[k];
                return n;
            }

            /// <summary>Sum and squared deviations from the mean of every group.</summary>
            private void Moments(int n)
            {
                Array.Clear(_sum);
                for (int e = 0; e < n; e++) _sum[_sample[e]] += _values[e];
                for (int k = 0; k < _groups; k++)
                {
                    double mean = _sum[k] / w._cells[k];
                    _squares[k] = _zeros[k] * mean * mean;
                }
                for (int e = 0; e < n; e++)
                {
                    double d = _values[e] - _sum[_sample[e]] / w._cells[_sample[e]];
                    _squares[_sample[e]] += d * d;
                }
            }

            private void Sort(int n)
            {
                Span<int> order = _order.AsSpan(0, n);
                if (n > 0) RadixOrder.Sort(_values.AsSpan(0, n), order);
                for (int e = 0; e < n; e++) order[e] = _sample[order[e]];
                order.CopyTo(_sample);
            }

            /// <summary>Sorted values of each group, one group after the other.</summary>
            private void Split(int n)
            {
                _from[0] = 0;
                for (int k = 0; k < _groups; k++) _from[k + 1] = _from[k] + _stored[k];
                int[] at = _from[..^1];
                for (int e = 0; e < n; e++) _sorted[at[_sample[e]]++] = _values[e];
            }
        }
    }
}
