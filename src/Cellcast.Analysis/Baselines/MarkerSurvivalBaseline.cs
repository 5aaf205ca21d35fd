using Cellcast.Analysis.Preprocessing;
using Cellcast.AnnData;
using Cellcast.Survival;

namespace Cellcast.Analysis.Baselines;

/// <summary>
/// What is done without any model: the mean expression of each type's marker genes in the bulk samples is correlated with survival. The contribution of a type is
/// that correlation (Somers' D with the censored survival times, twice the concordance less one), cells of one type all contribute the same, and the risk of a
/// patient is the sum of the standardised scores, each times its correlation.
/// </summary>
public sealed class MarkerSurvivalBaseline
{
    /// <summary>Marker genes per type.</summary>
    public const int DefaultMarkers = 25;

    private readonly int[][] _markers;
    private readonly double _total;
    private readonly double[] _geneMean;
    private readonly double[] _geneDeviation;
    private readonly (double Mean, double Deviation)[] _scale;

    private MarkerSurvivalBaseline(IReadOnlyList<string> types, int[][] markers, double total, double[] geneMean, double[] geneDeviation, (double, double)[] scale, double[] contributions) =>
        (Types, _markers, _total, _geneMean, _geneDeviation, _scale, Contributions) = (types, markers, total, geneMean, geneDeviation, scale, contributions);

    /// <summary>The types, sorted ordinally.</summary>
    public IReadOnlyList<string> Types { get; }

    /// <summary>Somers' D of each type's score with survival: positive where more of it goes with earlier death.</summary>
    public double[] Contributions { get; }

    /// <summary>Columns of the markers of a type.</summary>
    /// <param name="type">Its position in <see cref="Types"/>.</param>
    public IReadOnlyList<int> MarkersOf(int type) => _markers[type];

    /// <summary>Finds the markers and correlates their scores with survival.</summary>
    /// <param name="cells">Cells x genes, raw counts.</param>
    /// <param name="labels">Type of each cell, or null.</param>
    /// <param name="bulk">Training patients x the same genes, raw counts.</param>
    /// <param name="survival">Their follow-up, in the same order.</param>
    /// <param name="markers">Marker genes per type.</param>
    /// <exception cref="InputException">The lengths differ or no cell has a label.</exception>
    /// <exception cref="SurvivalDataException">No two patients can be compared by their survival.</exception>
    public static MarkerSurvivalBaseline Train(SparseMatrix cells, IReadOnlyList<string?> labels, SparseMatrix bulk, SurvivalData survival, int markers = DefaultMarkers)
    {
        ArgumentNullException.ThrowIfNull(bulk);
        ArgumentNullException.ThrowIfNull(survival);
        if (bulk.Rows != survival.Count) throw new InputException($"there are {bulk.Rows} patients with counts but {survival.Count} with follow-up; give both for the same patients in the same order.");
        var profiles = TypeDeconvolution.FromLabels(cells, labels);
        if (bulk.Columns != profiles.GeneCount) throw new InputException($"the patients have {bulk.Columns} genes but the cells {profiles.GeneCount}; bring both to the same genes first.");
        int[][] chosen = Choose(profiles, markers);
        double total = Normalization.MedianTotal(bulk.RowSums());
        SparseMatrix expression = Normalization.LogNormalize(bulk, total);
        var (mean, deviation) = Moments(expression);
        double[,] scores = Score(expression, chosen, mean, deviation);
        var scale = new (double Mean, double Deviation)[chosen.Length];
        var contributions = new double[chosen.Length];
        for (int t = 0; t < chosen.Length; t++)
        {
            double[] s = [.. Enumerable.Range(0, bulk.Rows).Select(i => scores[i, t])];
            double m = s.Average();
            scale[t] = (m, Math.Sqrt(s.Average(v => (v - m) * (v - m))));
            contributions[t] = 2 * Concordance.Compute(survival, s).Value - 1;
        }
        return new MarkerSurvivalBaseline(profiles.Types, chosen, total, mean, deviation, scale, contributions);
    }

    /// <summary>Standardised marker scores: mean and variance over the training patients are 0 and 1.</summary>
    /// <param name="bulk">Patients x genes, raw counts, training or new.</param>
    /// <returns>Patients x types.</returns>
    public double[,] Scores(SparseMatrix bulk)
    {
        double[,] scores = Score(Normalization.LogNormalize(bulk, _total), _markers, _geneMean, _geneDeviation);
        for (int i = 0; i < scores.GetLength(0); i++)
            for (int t = 0; t < _scale.Length; t++) scores[i, t] = _scale[t].Deviation > 0 ? (scores[i, t] - _scale[t].Mean) / _scale[t].Deviation : 0;
        return scores;
    }

    /// <summary>Risk of patients, training or new: higher is worse.</summary>
    /// <param name="bulk">Patients x genes, raw counts.</param>
    public double[] Predict(SparseMatrix bulk)
    {
        double[,] scores = Scores(bulk);
        var risk = new double[scores.GetLength(0)];
        for (int i = 0; i < risk.Length; i++)
            for (int t = 0; t < _scale.Length; t++) risk[i] += Contributions[t] * scores[i, t];
        return risk;
    }

    /// <summary>Genes whose mean share in a type exceeds that in every other type by the largest factor, among those that the type expresses more than the average gene.</summary>
    private static int[][] Choose(TypeDeconvolution profiles, int count)
    {
        int types = profiles.Types.Count, genes = profiles.GeneCount;
        double floor = profiles.Profiles.Average();
        var chosen = new int[types][];
        for (int t = 0; t < types; t++)
        {
            var ratio = new double[genes];
            for (int g = 0; g < genes; g++)
            {
                double others = 0;
                for (int o = 0; o < types; o++)
                    if (o != t) others = Math.Max(others, profiles.Profiles[o * genes + g]);
                double own = profiles.Profiles[t * genes + g];
                ratio[g] = own < floor ? double.NegativeInfinity : own / (others + 0.1 * floor);
            }
            chosen[t] = [.. Enumerable.Range(0, genes).Where(g => ratio[g] > double.NegativeInfinity).OrderByDescending(g => ratio[g]).ThenBy(g => g).Take(count)];
        }
        return chosen;
    }

    private static (double[] Mean, double[] Deviation) Moments(SparseMatrix expression)
    {
        double[] sum = new double[expression.Columns], squares = new double[expression.Columns];
        for (int k = 0; k < expression.Values.Length; k++)
        {
            double v = expression.Values[k];
            sum[expression.Indices[k]] += v;
            squares[expression.Indices[k]] += v * v;
        }
        int n = expression.Rows;
        double[] deviation = [.. squares.Select((q, g) => Math.Sqrt(Math.Max(0, q / n - sum[g] / n * (sum[g] / n))))];
        return ([.. sum.Select(s => s / n)], deviation);
    }

    private static double[,] Score(SparseMatrix expression, int[][] markers, double[] mean, double[] deviation)
    {
        var scores = new double[expression.Rows, markers.Length];
        var row = new double[expression.Columns];
        for (int i = 0; i < expression.Rows; i++)
        {
            Array.Clear(row);
            ReadOnlySpan<int> index = expression.RowIndices(i);
            ReadOnlySpan<float> value = expression.RowValues(i);
            for (int k = 0; k < index.Length; k++) row[index[k]] = value[k];
            for (int t = 0; t < markers.Length; t++)
            {
                double sum = 0;
                foreach (int g in markers[t])
                    if (deviation[g] > 1e-9) sum += (row[g] - mean[g]) / deviation[g];
                scores[i, t] = markers[t].Length == 0 ? 0 : sum / markers[t].Length;
            }
        }
        return scores;
    }
}
