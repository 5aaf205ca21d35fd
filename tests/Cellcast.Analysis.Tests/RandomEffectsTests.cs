using System.Globalization;
using Cellcast.Analysis.Statistics;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests;

public class RandomEffectsTests
{
    // Log risk ratios of the 13 trials of the BCG vaccine (Colditz et al. 1994), the example of Viechtbauer (2010), J. Stat. Softw. 36(3).
    private static readonly double[] s_bcg =
        [-0.889311333920205, -1.58538865720143, -1.34807314829969, -1.44155119002131, -0.217547322211296, -0.786115585818864, -1.62089822359839, 0.0119523335238405, -0.469417648738149, -1.37134480347278, -0.339358828338391, 0.445913400571379, -0.0173139482168798];

    private static readonly double[] s_bcgErrors =
        [0.570600354892951, 0.441113501718258, 0.644490469571091, 0.141456819921302, 0.226296646395016, 0.0831000508778951, 0.472247019654243, 0.0629410779842364, 0.237558856840255, 0.270231000466321, 0.111410116109623, 0.729729981020482, 0.267216503390016];

    [Fact]
    public void The_BCG_trials_give_the_published_numbers()
    {
        RandomEffects dl = RandomEffects.Fit(s_bcg, s_bcgErrors, HeterogeneityEstimator.DerSimonianLaird, MeanInterval.Normal);
        Assert.Equal(0.308760, dl.Tau2, 1e-6);
        Assert.Equal(0.9212, dl.I2, 1e-4);
        Assert.Equal(152.233008, dl.Q, 1e-6);
        Assert.Equal((-0.714117, 0.178742), (Math.Round(dl.Mean, 6), Math.Round(dl.StandardError, 6)));
        Assert.Equal((-1.064445, -0.363789), (Math.Round(dl.Lower, 6), Math.Round(dl.Upper, 6)));
        Assert.Equal(0.000065, dl.PValue, 1e-6);

        RandomEffects reml = RandomEffects.Fit(s_bcg, s_bcgErrors);
        Assert.Equal(0.313243, reml.Tau2, 1e-6);
        Assert.Equal(0.9222, reml.I2, 1e-4);
        Assert.Equal((-0.714532, 0.180792), (Math.Round(reml.Mean, 6), Math.Round(reml.StandardError, 6)));
        Assert.Equal((-1.108444, -0.320621), (Math.Round(reml.Lower, 6), Math.Round(reml.Upper, 6)));
        Assert.Equal(0.001920, reml.PValue, 1e-6);
        // t with k - 2 = 11 degrees of freedom, as Higgins, Thompson and Spiegelhalter (2009) have it.
        Assert.Equal(-0.714532 + 2.2009852 * Math.Sqrt(0.313243 + 0.180792 * 0.180792), reml.PredictionUpper, 1e-5);
        Assert.Equal(1, reml.Weights.Sum(), 1e-12);
    }

    [ToolFact("metafor")]
    public void Both_estimators_and_all_intervals_are_those_of_metafor()
    {
        var cases = new List<(double[] Y, double[] S)>();
        for (int seed = 1; seed <= 8; seed++)
        {
            var random = new Random(seed);
            double between = seed % 3 * 0.4;
            double[] s = [.. Enumerable.Range(0, 2 + seed).Select(_ => Math.Round(0.1 + 0.6 * random.NextDouble(), 4))];
            cases.Add(([.. s.Select(e => Math.Round(0.3 + between * Normal(random) + e * Normal(random), 4))], s));
        }
        using var folder = new TemporaryDirectory();
        string List(double[] values) => "c(" + string.Join(',', values.Select(v => v.ToString("R", CultureInfo.InvariantCulture))) + ")";
        File.WriteAllText(folder["s.R"], $$"""
            suppressMessages(library(metafor))
            for (d in list({{string.Join(',', cases.Select(c => $"list({List(c.Y)},{List(c.S)})"))}})) for (m in c('REML', 'DL')) for (t in c('knha', 'adhoc', 'z')) {
              f <- rma(d[[1]], sei = d[[2]], method = m, test = t, control = list(stepadj = 0.5, maxiter = 10000, threshold = 1e-12))
              cat(format(c(f$b, f$se, f$ci.lb, f$ci.ub, f$pval, f$tau2, f$I2 / 100, f$QE, f$QEp), digits = 17), '\n')
            }
            """);
        ProcessResult run = ExternalTool.Run("Rscript", [folder["s.R"]]);
        Assert.True(run.ExitCode == 0, run.Error);
        string[] lines = run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        int line = 0;
        foreach (var (y, s) in cases)
            foreach (HeterogeneityEstimator estimator in (HeterogeneityEstimator[])[HeterogeneityEstimator.RestrictedMaximumLikelihood, HeterogeneityEstimator.DerSimonianLaird])
                foreach (MeanInterval interval in (MeanInterval[])[MeanInterval.HartungKnapp, MeanInterval.HartungKnappAtLeastNormal, MeanInterval.Normal])
                {
                    double[] r = [.. lines[line++].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(v => double.Parse(v, CultureInfo.InvariantCulture))];
                    RandomEffects f = RandomEffects.Fit(y, s, estimator, interval);
                    double[] ours = [f.Mean, f.StandardError, f.Lower, f.Upper, f.PValue, f.Tau2, f.I2, f.Q, f.QPValue];
                    for (int i = 0; i < r.Length; i++) Assert.Equal(r[i], ours[i], 1e-5 * (1 + Math.Abs(r[i])));
                }
        Assert.Equal(lines.Length, line);
    }

    [Fact]
    public void Restricted_likelihood_is_highest_at_its_estimate()
    {
        var random = new Random(3);
        for (int round = 0; round < 200; round++)
        {
            int k = 2 + random.Next(8);
            double between = 2 * random.NextDouble();
            double[] s = [.. Enumerable.Range(0, k).Select(_ => 0.05 + random.NextDouble())], y = [.. s.Select(e => between * Normal(random) + e * Normal(random))];
            double LogLikelihood(double tau2)
            {
                double[] w = [.. s.Select(e => 1 / (e * e + tau2))];
                double mean = w.Zip(y, (a, b) => a * b).Sum() / w.Sum();
                return -0.5 * (w.Sum(x => -Math.Log(x)) + Math.Log(w.Sum()) + w.Zip(y, (a, b) => a * (b - mean) * (b - mean)).Sum());
            }
            double found = RandomEffects.Fit(y, s).Tau2, best = LogLikelihood(found);
            for (double tau2 = 0; tau2 < 30; tau2 = tau2 * 1.3 + 1e-3) Assert.True(LogLikelihood(tau2) <= best + 1e-9, $"round {round}: {tau2} beats {found}");
        }
    }

    [Fact]
    public void The_mean_follows_shifts_and_scales_and_does_not_depend_on_the_order()
    {
        foreach (HeterogeneityEstimator e in Enum.GetValues<HeterogeneityEstimator>())
            foreach (MeanInterval m in Enum.GetValues<MeanInterval>())
            {
                RandomEffects f = RandomEffects.Fit(s_bcg, s_bcgErrors, e, m), shifted = RandomEffects.Fit([.. s_bcg.Select(y => y + 2)], s_bcgErrors, e, m);
                RandomEffects scaled = RandomEffects.Fit([.. s_bcg.Select(y => -3 * y)], [.. s_bcgErrors.Select(y => 3 * y)], e, m), reversed = RandomEffects.Fit([.. s_bcg.Reverse()], [.. s_bcgErrors.Reverse()], e, m);
                Assert.Equal((f.Mean + 2, f.Lower + 2, f.Tau2), (shifted.Mean, shifted.Lower, shifted.Tau2), (a, b) => Near(a.Item1, b.Item1) && Near(a.Item2, b.Item2) && Near(a.Item3, b.Item3));
                Assert.Equal((-3 * f.Mean, -3 * f.Upper, 9 * f.Tau2), (scaled.Mean, scaled.Lower, scaled.Tau2), (a, b) => Near(a.Item1, b.Item1) && Near(a.Item2, b.Item2) && Near(a.Item3, b.Item3));
                Assert.Equal(f.PValue, scaled.PValue, 1e-8);
                Assert.Equal(f.Mean, reversed.Mean, 1e-9);
                Assert.Equal(f.I2, scaled.I2, 1e-7);
            }
    }

    [Fact]
    public void Hartung_and_Knapp_keep_the_level_with_few_studies_that_differ_where_the_normal_interval_does_not()
    {
        var random = new Random(5);
        int hartung = 0, normal = 0;
        const int rounds = 4000;
        for (int round = 0; round < rounds; round++)
        {
            double[] s = [.. Enumerable.Range(0, 4).Select(_ => 0.2 + 0.1 * random.NextDouble())], y = [.. s.Select(e => 0.4 * Normal(random) + e * Normal(random))];
            if (RandomEffects.Fit(y, s).PValue <= 0.05) hartung++;
            if (RandomEffects.Fit(y, s, HeterogeneityEstimator.DerSimonianLaird, MeanInterval.Normal).PValue <= 0.05) normal++;
        }
        // Binomial standard deviation 0.0034.
        Assert.InRange(hartung / (double)rounds, 0.035, 0.062);
        Assert.InRange(normal / (double)rounds, 0.09, 0.2);
    }

    [Fact]
    public void Two_studies_have_no_prediction_interval_and_one_is_refused()
    {
        RandomEffects two = RandomEffects.Fit([1, 2], [0.5, 0.5]);
        Assert.True(double.IsNaN(two.PredictionLower) && double.IsNaN(two.PredictionUpper));
        Assert.Equal(1.5, two.Mean, 1e-12);
        // t with one degree of freedom.
        Assert.Equal(1.5 + 12.7062047 * 0.5, two.Upper, 1e-6);
        Assert.Throws<ArgumentException>(() => RandomEffects.Fit([1], [1]));
        Assert.Throws<ArgumentException>(() => RandomEffects.Fit([1, 2], [1, 0]));
        Assert.Throws<ArgumentException>(() => RandomEffects.Fit([1, double.NaN], [1, 1]));
    }

    private static bool Near(double a, double b) => Math.Abs(a - b) <= 1e-8 * (1 + Math.Abs(a));

    private static double Normal(Random random) => Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
