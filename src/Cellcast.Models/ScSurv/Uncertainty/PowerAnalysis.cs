using Cellcast.Models.Simulation;
using Cellcast.Survival;
using Cellcast.Tensors.Random;

namespace Cellcast.Models.ScSurv.Uncertainty;

/// <summary>Chance to find a signal with a cohort of some size.</summary>
/// <param name="Patients">Patients.</param>
/// <param name="EventShare">Share with an observed event.</param>
/// <param name="Effect">Sd over patients of the log hazard that the cells explain.</param>
/// <param name="Power">Share of simulated cohorts whose global test has p at most 0.05.</param>
/// <param name="Simulations">Number of simulated cohorts.</param>
/// <param name="Concordance">Mean concordance of the true predictor in them: what no method can exceed by more than chance.</param>
public sealed record PowerPoint(int Patients, double EventShare, double Effect, double Power, int Simulations, double Concordance)
{
    /// <summary>Expected number of events.</summary>
    public int Events => Math.Max(1, (int)Math.Round(Patients * EventShare));

    /// <summary>Standard error of <see cref="Power"/> from the number of simulations.</summary>
    public double StandardError => Math.Sqrt(Power * (1 - Power) / Simulations);
}

/// <summary>
/// How large a cohort must be: patients are drawn from a cohort, contributions from the prior, survival from both, and <see cref="SignalTest"/>'s global statistic is
/// asked whether it sees the signal.
/// </summary>
public sealed class PowerAnalysis
{
    /// <summary>Fewer events allow no conclusion whatever the effect.</summary>
    public const int MinimumEvents = 20;

    /// <summary>Level of the tests.</summary>
    public const double Level = 0.05;

    private const int Permutations = 199, MostPatients = 3000;
    private readonly double[] _loadings;
    private readonly int _patients;
    private readonly int _dimensions;

    /// <param name="loadings">Loadings of the patients that cohorts are drawn from, n x r.</param>
    /// <param name="patients">n.</param>
    public PowerAnalysis(double[] loadings, int patients)
    {
        ArgumentNullException.ThrowIfNull(loadings);
        (_loadings, _patients, _dimensions) = (loadings, patients, loadings.Length / patients);
        // Relative to the average patient: only differences show.
        double[] x = [.. loadings];
        var mean = new double[_dimensions];
        for (int i = 0; i < x.Length; i++) mean[i % _dimensions] += x[i] / patients;
        for (int i = 0; i < x.Length; i++) x[i] -= mean[i % _dimensions];
        _loadings = x;
    }

    /// <summary>Patients as the simulation makes them, when there is no cohort yet: shares of types from a symmetric Dirichlet distribution.</summary>
    /// <param name="types">Cell types.</param>
    /// <param name="key">Source of chance.</param>
    /// <param name="patients">How many to draw from.</param>
    /// <param name="concentration">Concentration per type.</param>
    public static PowerAnalysis OfTypes(int types, RandomKey key, int patients = 2000, double concentration = 0.4)
    {
        var x = new double[patients * types];
        var alpha = new double[types];
        Array.Fill(alpha, concentration);
        for (int i = 0; i < patients; i++) new RandomStream(key.Split(i)).Dirichlet(alpha, x.AsSpan(i * types, types));
        return new PowerAnalysis(x, patients);
    }

    /// <summary>Cohorts like the one that a fit was made from.</summary>
    /// <param name="features">Features of its patients, S x F.</param>
    /// <param name="components">Blocks of features; each counts alike, whatever survival said of it.</param>
    public static PowerAnalysis OfFeatures(double[] features, IReadOnlyList<ContributionComponent> components)
    {
        ArgumentNullException.ThrowIfNull(features);
        ArgumentNullException.ThrowIfNull(components);
        return new PowerAnalysis(TestLoadings.Apply(features, TestLoadings.Scale(features, components)), features.Length / components.Sum(c => c.Count));
    }

    /// <summary>Simulates cohorts of one size.</summary>
    /// <param name="patients">Patients of a cohort, drawn with replacement.</param>
    /// <param name="eventShare">Share with an observed event.</param>
    /// <param name="effect">Sd of the log hazard.</param>
    /// <param name="simulations">Number of cohorts.</param>
    /// <param name="key">Source of chance.</param>
    /// <param name="threads">Threads; the result does not depend on it.</param>
    /// <param name="cancellation">Interrupts.</param>
    public PowerPoint Simulate(int patients, double eventShare, double effect, int simulations, RandomKey key, int threads = 1, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(patients, 2);
        var parameters = new SimulationParameters { EventShare = eventShare };
        var found = new bool[simulations];
        var concordance = new double[simulations];
        Parallel.For(0, simulations, new ParallelOptions { MaxDegreeOfParallelism = threads, CancellationToken = cancellation }, i => (found[i], concordance[i]) = Cohort(patients, effect, parameters, key.Split(i)));
        return new PowerPoint(patients, eventShare, effect, found.Count(f => f) / (double)simulations, simulations, concordance.Average());
    }

    private (bool Found, double Concordance) Cohort(int patients, double effect, SimulationParameters parameters, RandomKey key)
    {
        int r = _dimensions;
        var random = new RandomStream(key);
        int[] rows = [.. Enumerable.Range(0, patients).Select(_ => random.NextInt32(_patients))];
        double[] v = [.. Enumerable.Range(0, r).Select(_ => random.NextNormal())];
        double[] eta = [.. rows.Select(i => Vectors.Dot(_loadings.AsSpan(i * r, r), v))];
        // Scaled over the population, so that small cohorts vary as they do.
        double variance = 0;
        for (int i = 0; i < _patients; i++)
        {
            double e = Vectors.Dot(_loadings.AsSpan(i * r, r), v);
            variance += e * e / _patients;
        }
        double scale = variance > 0 ? effect / Math.Sqrt(variance) : 0;
        for (int i = 0; i < eta.Length; i++) eta[i] *= scale;
        var (times, events) = SurvivalSimulator.Draw(eta, parameters, key.Split("survival"));
        var survival = new SurvivalData(times, events);
        double[] residuals = SignalTest.MartingaleResiduals(survival, null);
        double observed = Quadratic(rows, residuals);
        // Found when p <= 0.05, that is when fewer than a twentieth of the permutations reach it; counting stops when that is decided.
        int allowed = (int)(Level * (Permutations + 1)) - 1, above = 0;
        for (int b = 0; b < Permutations && above <= allowed; b++)
        {
            random.Shuffle<double>(residuals);
            if (Quadratic(rows, residuals) >= observed) above++;
        }
        double c = 0.5;
        try { c = Concordance.Compute(survival, eta).Value; }
        catch (SurvivalDataException) { } // one event at the very end: nobody can be compared
        return (above <= allowed, c);
    }

    private double Quadratic(int[] rows, double[] residuals)
    {
        var sum = new double[_dimensions];
        for (int i = 0; i < rows.Length; i++) Vectors.AddScaled(residuals[i], _loadings.AsSpan(rows[i] * _dimensions, _dimensions), sum);
        return Vectors.Dot(sum, sum);
    }

    /// <summary>What a user should know about a cohort of this size before reading anything into it: a sentence, or null when it is large enough.</summary>
    /// <param name="patients">Patients that are learned from.</param>
    /// <param name="events">Their events.</param>
    /// <param name="effect">Effect that one hopes to find.</param>
    /// <param name="key">Source of chance.</param>
    /// <param name="simulations">Number of simulated cohorts per size.</param>
    /// <param name="threads">Threads; the sentence does not depend on it.</param>
    public string? Caution(int patients, int events, double effect, RandomKey key, int simulations = 200, int threads = 1)
    {
        double share = (double)events / patients;
        PowerPoint here = Simulate(patients, share, effect, simulations, key, threads);
        if (events >= MinimumEvents && here.Power >= 0.8) return null;
        // The same share of events with more and more patients, until it would do.
        int? enough = null;
        foreach (double factor in (double[])[1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10, 15, 20, 30])
        {
            int n = (int)Math.Ceiling(patients * factor);
            if (n > MostPatients) break;
            PowerPoint p = Simulate(n, share, effect, simulations, key.Split("more"), threads);
            if (p.Power < 0.8 || p.Events < MinimumEvents) continue;
            enough = p.Events;
            break;
        }
        string few = events < MinimumEvents ? $"{events} events are too few for any conclusion (at least {MinimumEvents}); " : "";
        return FormattableString.Invariant($"{few}with {patients} patients and {events} events the chance to detect a signal of the usual size (sd {effect:0.##} of the log hazard, concordance {here.Concordance:0.00} if it were known) is {here.Power:P0}")
            + (enough is { } e ? $"; about {e} events would give 80 %." : $"; no cohort of up to {MostPatients} patients with this share of events would give 80 %.");
    }
}
