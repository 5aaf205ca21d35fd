using Cellcast.Analysis;
using Cellcast.AnnData;

namespace Cellcast.Models.ScSurv;

/// <summary>
/// Errors of the types' mean rates, which come from finitely many cells, while a patient's cells are others. In a regression of counts on such profiles they make types look more different than
/// they are, and shares of types that resemble each other are drawn together (attenuation). Their variance is known from the cells, so what they add to the normal equations can be taken out again
/// (corrected score; Fuller 1987, Measurement Error Models). How much of that variance is there is learned from the cohort: none of it where patients are mixed from the very cells of the reference.
/// </summary>
/// <remarks>The efficiency of a gene is its total over patients divided by the expected one, so it follows the profiles' errors: an error of mu_t enters a patient's rate by S_t and, through the
/// efficiency, by the patient's rate over the average one.</remarks>
internal sealed class ProfileErrors
{
    // Directions in which more than this much of the information is made of errors are corrected less.
    private const double MostOfInformation = 0.8;
    private const int Steps = 10;
    // A patient without any type that expresses a gene would have all the weight in it, and a single count there would pass for errors.
    private const double MostWeight = 100;

    private readonly double[] _profiles;
    private readonly int _genes, _types;

    /// <param name="profiles">Mean rate of each type, T x G.</param>
    /// <param name="variance">Sampling variance of the profiles, T x G; empty for profiles without error.</param>
    /// <param name="types">T.</param>
    internal ProfileErrors(double[] profiles, double[] variance, int types)
    {
        (_profiles, Variance, _types, _genes) = (profiles, variance, types, types == 0 ? 0 : profiles.Length / types);
        if (variance.Length > 0 && variance.Length != profiles.Length) throw new InvalidDataException("the errors of the types' profiles do not fit the profiles");
    }

    /// <summary>Sampling variance of the profiles, T x G.</summary>
    internal double[] Variance { get; }

    /// <summary>Sampling variance of a type's mean rate, a ratio of sums over cells: by what the cells differ, and at least that of counts.</summary>
    /// <param name="cells">The reference.</param>
    /// <param name="typeOf">Type of each cell, -1 for none.</param>
    /// <param name="types">Number of types.</param>
    /// <returns>T x G.</returns>
    internal static double[] VarianceOf(ReferenceCells cells, int[] typeOf, int types)
    {
        int g = cells.Counts.Columns;
        double[] square = new double[types * g], cross = new double[types * g], counts = new double[types * g], size = new double[types], sizes = new double[types];
        var number = new int[types];
        cells.Counts.ForEachBlock((first, rows) =>
        {
            for (int r = 0; r < rows.Count; r++)
            {
                int type = typeOf[first + r];
                if (type < 0) continue;
                double s = cells.Size[first + r];
                (size[type], sizes[type], number[type]) = (size[type] + s, sizes[type] + s * s, number[type] + 1);
                ReadOnlySpan<int> index = rows.RowIndices(r);
                ReadOnlySpan<float> value = rows.RowValues(r);
                for (int e = 0; e < index.Length; e++)
                {
                    int at = type * g + index[e];
                    double y = value[e];
                    (square[at], cross[at], counts[at]) = (square[at] + y * y, cross[at] + y * s, counts[at] + y);
                }
            }
        });
        var variance = new double[types * g];
        for (int t = 0; t < types; t++)
            for (int j = 0; j < g; j++)
            {
                int at = t * g + j;
                double mean = counts[at] / Math.Max(size[t], 1e-12), spread = square[at] - 2 * mean * cross[at] + mean * mean * sizes[t];
                variance[at] = Math.Max(counts[at], spread * number[t] / Math.Max(1, number[t] - 1)) / Math.Max(size[t] * size[t], 1e-12);
            }
        return variance;
    }

    /// <summary>Which share of the sampling variance the patients' counts show: over genes, what the residuals have along the shares beyond chance, over what the errors would bring.</summary>
    /// <param name="shares">Shares of the types, n x T.</param>
    /// <param name="average">Their means, T.</param>
    /// <param name="rates">Rates of the n patients by these shares, without efficiencies, n x G.</param>
    /// <param name="scale">Efficiencies, G.</param>
    /// <param name="residual">Observed less expected count per unit of size, n x G.</param>
    /// <param name="weight">Its inverse variance, n x G.</param>
    /// <param name="threads">Threads, 0 for all cores; the result does not depend on it.</param>
    /// <returns>From 0 to 1; 1 where there are too few patients to tell.</returns>
    internal double ShareIn(double[] shares, double[] average, double[] rates, double[] scale, double[] residual, double[] weight, int threads)
    {
        int g = _genes, t = _types, n = shares.Length / t, rank = t - 1;
        if (n < 2 * t) return 1;
        double[] mean = MeanRates(average), excess = new double[g], expected = new double[g];
        Blocks.For(g, threads, j =>
        {
            if (!(mean[j] > 0)) return;
            double[] z = new double[n * t], normal = new double[t * t], right = new double[t], standard = new double[n], own = [.. Enumerable.Range(0, n).Select(i => weight[i * g + j])];
            double most = MostWeight * ScSurvResults.Median(own);
            for (int i = 0; i < n; i++)
            {
                double along = rates[i * g + j] / mean[j], root = Math.Sqrt(Math.Min(most, own[i]));
                standard[i] = root * residual[i * g + j];
                for (int k = 0; k < t; k++) z[k * n + i] = root * scale[j] * (shares[i * t + k] - average[k] * along);
            }
            double trace = 0;
            for (int k = 0; k < t; k++)
            {
                right[k] = Blocks.Dot(z.AsSpan(k * n, n), standard);
                for (int l = 0; l <= k; l++) normal[k * t + l] = Blocks.Dot(z.AsSpan(k * n, n), z.AsSpan(l * n, n));
                trace += normal[k * t + k];
                expected[j] += normal[k * t + k] * Variance[k * g + j];
            }
            // Errors in proportion to the profiles are the efficiency's, so one direction is empty.
            for (int k = 0; k < t; k++) normal[k * t + k] += 1e-6 * trace / t + 1e-300;
            new DenseCholesky(normal, t).Forward(right);
            double explained = Blocks.Dot(right, right);
            excess[j] = explained - rank * (Blocks.Dot(standard, standard) - explained) / (n - 1 - rank);
        });
        double all = expected.Sum();
        return all > 0 ? Math.Clamp(excess.Sum() / all, 0, 1) : 0;
    }

    /// <summary>How the errors enter the design of each gene, whose efficiency follows from the average patient: with x_t the rate of a type over that of the average patient, the errors of a gene's
    /// T relative rates have covariance diag(v) - x y' - y x' where y_t = S_t v_t - x_t sum_u S_u^2 v_u / 2.</summary>
    /// <param name="average">Mean shares S, T.</param>
    /// <returns>x and y, T x G each.</returns>
    internal (double[] X, double[] Y) Design(double[] average)
    {
        int g = _genes, t = _types;
        if (Variance.Length == 0) return ([], []);
        double[] mean = MeanRates(average), pooled = new double[g], x = new double[t * g], y = new double[t * g];
        for (int k = 0; k < t; k++) Blocks.AddScaled(average[k] * average[k], Variance.AsSpan(k * g, g), pooled);
        for (int k = 0; k < t; k++)
            for (int j = 0; j < g; j++)
            {
                double relative = mean[j] > 0 ? _profiles[k * g + j] / mean[j] : 0;
                x[k * g + j] = relative;
                y[k * g + j] = average[k] * Variance[k * g + j] - relative * pooled[j] / 2;
            }
        return (x, y);
    }

    /// <summary>Takes what the errors add out of the normal equations of one mixture, normal d = right, where d is what the shares differ by from <paramref name="found"/>.</summary>
    /// <param name="normal">X'WX, T x T; changed in place.</param>
    /// <param name="right">X'Wr with r the residual at <paramref name="found"/>; changed in place.</param>
    /// <param name="found">Shares that the residual is taken at.</param>
    /// <param name="design">Of <see cref="Design"/>.</param>
    /// <param name="weight">Weight of each gene times its squared efficiency, G.</param>
    /// <param name="share">Which share of the variance is there.</param>
    internal void TakeOut(double[] normal, double[] right, ReadOnlySpan<double> found, (double[] X, double[] Y) design, double[] weight, double share)
    {
        int g = _genes, t = _types;
        if (Variance.Length == 0 || !(share > 0)) return;
        double[] error = new double[t * t], row = new double[g];
        for (int k = 0; k < t; k++)
        {
            ReadOnlySpan<double> x = design.X.AsSpan(k * g, g);
            for (int j = 0; j < g; j++) row[j] = weight[j] * x[j];
            for (int l = 0; l < t; l++)
            {
                double both = Blocks.Dot(row, design.Y.AsSpan(l * g, g));
                error[k * t + l] -= both;
                error[l * t + k] -= both;
            }
            error[k * t + k] += Blocks.Dot(weight, Variance.AsSpan(k * g, g));
        }
        for (int step = Steps; step > 0; step--)
        {
            double part = share * step / Steps;
            double[] rest = [.. normal.Select((v, i) => MostOfInformation * v - part * error[i])];
            if (!DenseCholesky.IsPositive(rest, t)) continue;
            for (int k = 0; k < t; k++)
            {
                right[k] += part * Blocks.Dot(error.AsSpan(k * t, t), found);
                for (int l = 0; l < t; l++) normal[k * t + l] -= part * error[k * t + l];
            }
            return;
        }
    }

    private double[] MeanRates(double[] average)
    {
        var mean = new double[_genes];
        for (int k = 0; k < _types; k++) Blocks.AddScaled(average[k], _profiles.AsSpan(k * _genes, _genes), mean);
        return mean;
    }
}
