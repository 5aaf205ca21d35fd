using Cellcast.Analysis.Statistics;
using Cellcast.Survival;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv.Uncertainty;

/// <summary>
/// Is there any association between what the patients are made of and their outcome? Follow-up is permuted among the patients (of a stratum), which keeps its distribution,
/// censoring included, and breaks every association; the p value is exact for any number of patients as long as follow-up is exchangeable under the null. With covariates both sides are regressed on
/// them first: see <see cref="NullModel"/> for what is then tested.
/// </summary>
/// <remarks>
/// Globally, the score statistic of the prior variance at zero, |X' r|^2 with the martingale residuals r of the model without cells and the loadings X
/// (Goeman et al. 2005; Commenges and Andersen 1995). For a linear function of the contributions (a type, a gene), the first Newton step of the penalised partial
/// likelihood, a weighted sum of the residuals whose weights do not depend on survival, over its standard deviation under permutation.
/// Nothing about the kernel may have been chosen by looking at survival; then the tests are valid whatever it is.
/// </remarks>
public sealed class SignalTest
{
    private readonly NullModel _null;
    private readonly double[] _residuals;
    private readonly double[] _loadings;
    private readonly int[][] _groups;
    private readonly int _dimensions;
    private readonly double[][] _permuted;
    private readonly int _threads;
    private double[]? _newton;

    /// <summary>Prepares the permutations and tests globally.</summary>
    /// <param name="survival">Follow-up of n patients.</param>
    /// <param name="loadings">Their loadings on standard normal coefficients, n x r.</param>
    /// <param name="permutations">Number of permutations: the smallest p is 1 / (permutations + 1).</param>
    /// <param name="key">Source of chance.</param>
    /// <param name="threads">Threads; the result does not depend on it.</param>
    /// <exception cref="SurvivalDataException">No patient has an event.</exception>
    public SignalTest(SurvivalData survival, double[] loadings, int permutations, RandomKey key, int threads = 1)
        : this(NullModel.Of(Outcome.Of(survival)), loadings, permutations, key, threads) { }

    /// <summary>The same for any outcome and design.</summary>
    /// <param name="without">The model without cells of n patients.</param>
    /// <param name="loadings">Their loadings on standard normal coefficients, n x r.</param>
    /// <param name="permutations">Number of permutations.</param>
    /// <param name="key">Source of chance.</param>
    /// <param name="threads">Threads; the result does not depend on it.</param>
    public SignalTest(NullModel without, double[] loadings, int permutations, RandomKey key, int threads = 1)
    {
        ArgumentNullException.ThrowIfNull(without);
        ArgumentNullException.ThrowIfNull(loadings);
        ArgumentOutOfRangeException.ThrowIfLessThan(permutations, 1);
        _residuals = without.Residuals;
        int n = _residuals.Length;
        if (loadings.Length % n != 0) throw new ArgumentException($"{loadings.Length} loadings for {n} patients", nameof(loadings));
        (_null, _loadings, _dimensions, _threads) = (without, without.Adjust(loadings), loadings.Length / n, threads);
        _groups = [.. Enumerable.Range(0, without.Groups.Max() + 1).Select(g => Enumerable.Range(0, n).Where(i => without.Groups[i] == g).ToArray())];
        Events = without.Events;
        Permutations = permutations;
        _permuted = new double[permutations][];
        double stretch = without.Stretch;
        for (int b = 0; b < permutations; b++)
        {
            var random = new RandomStream(key.Split(b));
            double[] order = [.. _residuals];
            if (_groups.Length == 1) random.Shuffle<double>(order);
            else
                foreach (int[] members in _groups)
                {
                    double[] own = [.. members.Select(i => _residuals[i])];
                    random.Shuffle<double>(own);
                    for (int k = 0; k < own.Length; k++) order[members[k]] = own[k];
                }
            if (stretch != 1)
                for (int i = 0; i < n; i++) order[i] *= stretch;
            _permuted[b] = order;
        }
        Statistic = Quadratic(_residuals);
        var extreme = new bool[permutations];
        For(permutations, b => extreme[b] = Quadratic(_permuted[b]) >= Statistic * (1 - 1e-12));
        PValue = (1.0 + extreme.Count(e => e)) / (1.0 + permutations);
    }

    /// <summary>Patients.</summary>
    public int Patients => _residuals.Length;

    /// <summary>Deaths, patients with the rarer outcome, or patients.</summary>
    public int Events { get; }

    /// <summary>Number of permutations.</summary>
    public int Permutations { get; }

    /// <summary>|X' r|^2.</summary>
    public double Statistic { get; }

    /// <summary>Share of permutations (the observed follow-up counted as one) whose statistic is at least the observed one.</summary>
    public double PValue { get; }

    /// <summary>Tests linear functions of the coefficients, each against its own permutations (types) or against those of all of them (genes).</summary>
    /// <param name="weights">Weights of each function on the coefficients, r values each.</param>
    /// <param name="pooled">Compare with the standardised permutations of all functions: resolves far smaller p values; for many functions of one kind.</param>
    public IReadOnlyList<FunctionTest> Test(IReadOnlyList<double[]> weights, bool pooled)
    {
        ArgumentNullException.ThrowIfNull(weights);
        double[][] onResiduals = [.. weights.Select(OnResiduals)];
        double[] z = new double[weights.Count], scale = new double[weights.Count];
        double size = Math.Sqrt(_newton is null ? 0 : Vectors.Dot(_newton, _newton));
        For(weights.Count, k =>
        {
            // Exact standard deviation of sum_i b_i r_pi(i) over permutations.
            double[] b = onResiduals[k];
            double spread = 0, variance = 0;
            foreach (int[] members in _groups)
            {
                if (members.Length < 2) continue;
                double mean = members.Average(i => b[i]), center = members.Average(i => _residuals[i]);
                double own = members.Sum(i => (b[i] - mean) * (b[i] - mean));
                spread += own;
                variance += own * members.Sum(i => (_residuals[i] - center) * (_residuals[i] - center)) / (members.Length - 1);
            }
            // What all patients have alike differs by rounding only.
            scale[k] = Math.Sqrt(spread) > 1e-10 * size * Math.Sqrt(Vectors.Dot(weights[k], weights[k])) ? _null.Stretch * Math.Sqrt(variance) : 0;
            z[k] = scale[k] > 0 ? Vectors.Dot(onResiduals[k], _residuals) / scale[k] : 0;
        });
        var p = new double[weights.Count];
        if (pooled)
        {
            // Standardised values above each observed one, over all functions and permutations.
            int[] order = [.. Enumerable.Range(0, z.Length).OrderBy(k => Math.Abs(z[k])).ThenBy(k => k)];
            double[] sorted = [.. order.Select(k => Math.Abs(z[k]))];
            var counts = new long[Permutations][];
            For(Permutations, b =>
            {
                var at = new long[sorted.Length + 1];
                for (int k = 0; k < onResiduals.Length; k++)
                    if (scale[k] > 0) at[AtMost(sorted, Math.Abs(Vectors.Dot(onResiduals[k], _permuted[b])) / scale[k])]++;
                counts[b] = at;
            });
            var total = new long[sorted.Length + 1];
            foreach (long[] at in counts)
                for (int i = 0; i < total.Length; i++) total[i] += at[i];
            long tests = total.Sum(), above = total[^1];
            for (int i = sorted.Length - 1; i >= 0; i--)
            {
                p[order[i]] = (1.0 + above) / (1.0 + tests);
                above += total[i];
            }
        }
        else
        {
            For(z.Length, k =>
            {
                int extreme = 0;
                for (int b = 0; b < Permutations; b++)
                    if (scale[k] == 0 || Math.Abs(Vectors.Dot(onResiduals[k], _permuted[b])) / scale[k] >= Math.Abs(z[k]) * (1 - 1e-12)) extreme++;
                p[k] = (1.0 + extreme) / (1.0 + Permutations);
            });
        }
        double[] q = MultipleTesting.BenjaminiHochberg(p);
        return [.. z.Select((value, k) => new FunctionTest(value, p[k], q[k]))];
    }

    /// <summary>Residuals d - H0(t) e^offset of the model without cells: the score by the linear predictors at zero.</summary>
    internal static double[] MartingaleResiduals(SurvivalData survival, IReadOnlyList<double>? offset)
    {
        double[] eta = offset is null ? new double[survival.Count] : [.. offset], gradient = new double[survival.Count];
        new PartialLikelihood(survival).Evaluate(eta, gradient);
        return [.. gradient.Select(g => -g)];
    }

    /// <summary>Number of elements of an ascending array that are at most <paramref name="value"/> (up to rounding).</summary>
    private static int AtMost(double[] sorted, double value)
    {
        double v = value * (1 + 1e-12);
        int low = 0, high = sorted.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (sorted[middle] <= v) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    private double Quadratic(double[] residuals)
    {
        var sum = new double[_dimensions];
        for (int i = 0; i < residuals.Length; i++) Vectors.AddScaled(residuals[i], _loadings.AsSpan(i * _dimensions, _dimensions), sum);
        return Vectors.Dot(sum, sum);
    }

    /// <summary>Weights of each patient's residual in w' v, v = (d/n X'X + I)^-1 X' r with centred X.</summary>
    private double[] OnResiduals(double[] weights)
    {
        double[] solver = _newton ??= NewtonStep();
        var result = new double[Patients];
        for (int i = 0; i < result.Length; i++) result[i] = Vectors.Dot(solver.AsSpan(i * _dimensions, _dimensions), weights);
        return result;
    }

    // Rows: (h Xc'Xc + I)^-1 x_i with the information h of a patient, of differences from the mean: about d/n at the null for survival.
    private double[] NewtonStep()
    {
        int n = Patients, r = _dimensions;
        var mean = new double[r];
        for (int i = 0; i < n; i++) Vectors.AddScaled(1.0 / n, _loadings.AsSpan(i * r, r), mean);
        double[] system = new double[r * r], x = new double[n * r];
        for (int i = 0; i < n; i++)
            for (int j = 0; j < r; j++) x[i * r + j] = _loadings[i * r + j] - mean[j];
        double weight = _null.Information;
        for (int j = 0; j < r; j++) system[j * r + j] = 1;
        for (int i = 0; i < n; i++)
            for (int j = 0; j < r; j++) Vectors.AddScaled(weight * x[i * r + j], x.AsSpan(i * r, j + 1), system.AsSpan(j * r, j + 1));
        LowerFactor.Factor(system, r);
        For(n, i => LowerFactor.Solve(system, r, x.AsSpan(i * r, r)));
        return x;
    }

    private void For(int count, Action<int> body)
    {
        if (_threads == 1)
        {
            for (int i = 0; i < count; i++) body(i);
            return;
        }
        Parallel.For(0, count, new ParallelOptions { MaxDegreeOfParallelism = _threads }, body);
    }
}

/// <summary>Test of one linear function.</summary>
/// <param name="Z">Its value over its standard deviation under permutation; positive where it goes with earlier death.</param>
/// <param name="P">Two-sided p value.</param>
/// <param name="Q">p adjusted over the functions that were tested together (Benjamini and Hochberg).</param>
public sealed record FunctionTest(double Z, double P, double Q);

/// <summary>Cholesky factor of a positive definite matrix whose lower triangle is given, in place.</summary>
internal static class LowerFactor
{
    internal static void Factor(double[] a, int p)
    {
        for (int j = 0; j < p; j++)
        {
            for (int i = j; i < p; i++)
            {
                double value = a[i * p + j] - Vectors.Dot(a.AsSpan(i * p, j), a.AsSpan(j * p, j));
                if (i == j && !(value > 0)) throw new InvalidOperationException("the matrix is not positive definite");
                a[i * p + j] = i == j ? Math.Sqrt(value) : value / a[j * p + j];
            }
        }
    }

    internal static void Solve(double[] l, int p, Span<double> b)
    {
        for (int i = 0; i < p; i++) b[i] = (b[i] - Vectors.Dot(l.AsSpan(i * p, i), b[..i])) / l[i * p + i];
        for (int i = p - 1; i >= 0; i--)
        {
            b[i] /= l[i * p + i];
            for (int k = 0; k < i; k++) b[k] -= l[i * p + k] * b[i];
        }
    }
}
