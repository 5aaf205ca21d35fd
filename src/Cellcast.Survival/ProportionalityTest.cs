namespace Cellcast.Survival;

/// <summary>The function of time g(t) against which hazard ratios are tested.</summary>
public enum TimeTransform
{
    /// <summary>1 - S(t-), S the unweighted Kaplan-Meier estimate of all subjects: robust to outlying times.</summary>
    KaplanMeier,

    /// <summary>Time itself.</summary>
    Identity,

    /// <summary>Its logarithm.</summary>
    Logarithm,

    /// <summary>The rank of the subject's time among all, ties averaged.</summary>
    Rank,
}

/// <summary>
/// Score test of proportional hazards: for each covariate x the model is extended by theta g(t) x, and theta = 0 is tested.
/// Source: Grambsch and Therneau (1994), in the exact score form with the information of each death time.
/// </summary>
public sealed class ProportionalityTest
{
    private ProportionalityTest(IReadOnlyList<string> names, ChiSquaredTest[] each, ChiSquaredTest global) => (Names, Covariates, Global) = (names, each, global);

    /// <summary>Names of the covariates.</summary>
    public IReadOnlyList<string> Names { get; }

    /// <summary>One test per covariate; a small p-value speaks against a constant hazard ratio.</summary>
    public IReadOnlyList<ChiSquaredTest> Covariates { get; }

    /// <summary>All covariates at once.</summary>
    public ChiSquaredTest Global { get; }

    internal static ProportionalityTest Compute(SurvivalData data, Design design, double[] eta, CoxOptions options, TimeTransform transform)
    {
        int p = design.Columns;
        var likelihood = new PartialLikelihood(data, options.Ties);
        likelihood.Evaluate(eta);
        double[] g = Factors(data, likelihood.DeathTimes, transform);
        double[] g2 = [.. g.Select(v => v * v)];
        double[] unused = new double[p], u = new double[p], v = new double[p * p], vg = new double[p * p], vgg = new double[p * p];
        likelihood.ScoreAndInformation(design.X, p, default, unused, v);
        likelihood.ScoreAndInformation(design.X, p, g, u, vg);
        likelihood.ScoreAndInformation(design.X, p, g2, unused, vgg);
        double ridge = options.Ridge;
        for (int j = 0; j < p; j++)
        {
            double penalty = options.RidgeOnStandardized ? ridge : ridge / (design.Scale[j] * design.Scale[j]);
            v[j * p + j] += penalty;
            vgg[j * p + j] += penalty;
        }
        var each = new ChiSquaredTest[p];
        for (int j = 0; j < p; j++) each[j] = Test([j]);
        return new ProportionalityTest(design.Names, each, Test([.. Enumerable.Range(0, p)]));

        ChiSquaredTest Test(int[] extra)
        {
            int m = p + extra.Length;
            double[] information = new double[m * m], score = new double[m];
            for (int j = 0; j < p; j++)
                for (int l = 0; l < p; l++) information[j * m + l] = v[j * p + l];
            for (int a = 0; a < extra.Length; a++)
            {
                score[p + a] = u[extra[a]];
                for (int l = 0; l < p; l++) information[(p + a) * m + l] = information[l * m + p + a] = vg[extra[a] * p + l];
                for (int b = 0; b < extra.Length; b++) information[(p + a) * m + p + b] = vgg[extra[a] * p + extra[b]];
            }
            double[] diagonal = [.. Enumerable.Range(0, m).Select(j => information[j * m + j])];
            var system = SymmetricSystem.TryFactor(information, m, diagonal, 1e-12, out _)
                ?? throw new SurvivalDataException("proportionality cannot be tested: there are too few distinct death times for this number of covariates");
            return ChiSquaredTest.Of(system.InverseQuadraticForm(score), extra.Length);
        }
    }

    /// <summary>g at each death time, centred over the deaths.</summary>
    private static double[] Factors(SurvivalData data, ReadOnlySpan<double> deathTimes, TimeTransform transform)
    {
        Func<double, double> g;
        switch (transform)
        {
            case TimeTransform.Identity:
                g = t => t;
                break;
            case TimeTransform.Logarithm:
                g = Math.Log;
                break;
            case TimeTransform.Rank:
                double[] sorted = data.Time.ToArray();
                Array.Sort(sorted);
                g = t =>
                {
                    int below = sorted.Count(x => x < t), equal = sorted.Count(x => x == t);
                    return below + (equal + 1) / 2.0;
                };
                break;
            default:
                var curve = KaplanMeier.Estimate(new SurvivalData(data.Time, data.Event, entry: data.Entry)); // a time scale: every subject counts once
                g = t => 1 - curve.SurvivalBefore(t);
                break;
        }
        double mean = 0;
        for (int i = 0; i < data.Count; i++)
            if (data.Event[i]) mean += g(data.Time[i]);
        mean /= data.EventCount;
        var factors = new double[deathTimes.Length];
        for (int k = 0; k < factors.Length; k++) factors[k] = g(deathTimes[k]) - mean;
        return factors;
    }
}
