using System.Globalization;
using System.Text;
using Cellcast.TestSupport;

namespace Cellcast.Survival.Tests;

/// <summary>Random data with ties, weights, strata, offsets, entry times and several groups, given to R's survival package where that is installed.</summary>
public class RAgreementTests
{
    private sealed record Case(SurvivalData Data, double[,] X, double[] Offset, int[] Group, double[] Entry)
    {
        public SurvivalData Truncated => new(Data.Time, Data.Event, Data.Weights, Data.Strata, Entry);
    }

    private static Case Create(int seed)
    {
        var random = new Random(seed);
        int n = 80 + 40 * seed;
        var x = new double[n, 3];
        double[] time = new double[n], weight = new double[n], offset = new double[n];
        var events = new bool[n];
        int[] strata = new int[n], group = new int[n];
        var entry = new double[n];
        for (int i = 0; i < n; i++)
        {
            for (int j = 0; j < 3; j++) x[i, j] = Math.Round(4 * random.NextDouble() - 2, 2);
            time[i] = 1 + random.Next(4 + 10 * seed);
            events[i] = random.NextDouble() < 0.7;
            weight[i] = Math.Round(0.5 + random.NextDouble(), 3);
            offset[i] = Math.Round(random.NextDouble() - 0.5, 3);
            strata[i] = random.Next(3);
            group[i] = random.Next(4);
        }
        // After the rest, so that the numbers above do not change.
        for (int i = 0; i < n; i++) entry[i] = random.Next(2) == 0 ? 0 : random.Next((int)time[i]);
        return new Case(new SurvivalData(time, events, weight, strata), x, offset, group, entry);
    }

    private static Dictionary<string, double[]> AskR(Case c, string script)
    {
        using var folder = new TemporaryDirectory();
        var table = new StringBuilder("time,event,w,s,g,o,x1,x2,x3,entry\n");
        for (int i = 0; i < c.Data.Count; i++)
            table.AppendLine(string.Create(CultureInfo.InvariantCulture,
                $"{c.Data.Time[i]:R},{(c.Data.Event[i] ? 1 : 0)},{c.Data.Weights[i]:R},{c.Data.Strata[i]},{c.Group[i]},{c.Offset[i]:R},{c.X[i, 0]:R},{c.X[i, 1]:R},{c.X[i, 2]:R},{c.Entry[i]:R}"));
        File.WriteAllText(folder["d.csv"], table.ToString());
        File.WriteAllText(folder["s.R"], "library(survival); d <- read.csv(commandArgs(TRUE)[1]); say <- function(k, v) cat(k, format(v, digits = 17), '\\n')\n"
            + "control <- coxph.control(eps = 1e-14, iter.max = 60)\n" + script);
        var run = ExternalTool.Run("Rscript", [folder["s.R"], folder["d.csv"]]);
        Assert.True(run.ExitCode == 0, run.Error);
        return run.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .ToDictionary(f => f[0], f => f[1..].Select(v => double.TryParse(v, CultureInfo.InvariantCulture, out double d) ? d : double.NaN).ToArray());
    }

    [ToolTheory("survival"), InlineData(1, "efron"), InlineData(2, "breslow"), InlineData(3, "efron")]
    public void Weighted_stratified_Cox_with_an_offset_is_that_of_R(int seed, string ties)
    {
        var c = Create(seed);
        var r = AskR(c, $"""
            f <- coxph(Surv(time, event) ~ x1 + x2 + x3 + strata(s) + offset(o), d, weights = w, ties = '{ties}', robust = FALSE, control = control)
            say('coef', coef(f)); say('se', sqrt(diag(f$var))); say('ll', f$loglik); say('score', f$score); say('wald', f$wald.test)
            say('zph', cox.zph(f)$table[, 1]); say('rank', cox.zph(f, 'rank')$table[, 1])
            k <- concordance(Surv(time, event) ~ o + strata(s), d, weights = w, reverse = TRUE); say('c', c(k$concordance, sqrt(k$var)))
            """);
        var fit = CoxRegression.Fit(c.Data, c.X, new CoxOptions { Ties = ties == "efron" ? TieMethod.Efron : TieMethod.Breslow, Offset = c.Offset });
        Close.To(r["coef"], fit.Coefficients, 1e-8, "coefficient");
        Close.To(r["se"], fit.StandardErrors, 1e-8, "error");
        Close.To(r["ll"], [fit.NullLogLikelihood, fit.LogLikelihood], 1e-11, "log likelihood");
        Close.To(r["score"][0], fit.ScoreTest.Statistic, 1e-8);
        Close.To(r["wald"][0], fit.WaldTest.Statistic, 1e-7);
        Close.To(r["c"], [Concordance.Compute(c.Data, c.Offset).Value, Concordance.Compute(c.Data, c.Offset).StandardError], 1e-10, "concordance");
        foreach (var (key, transform) in new[] { ("zph", TimeTransform.KaplanMeier), ("rank", TimeTransform.Rank) })
        {
            var test = fit.TestProportionality(transform);
            Close.To(r[key], [.. test.Covariates.Select(t => t.Statistic), test.Global.Statistic], 1e-6, key);
        }
    }

    [ToolTheory("survival"), InlineData(1, "efron"), InlineData(2, "breslow"), InlineData(3, "efron")]
    public void Left_truncated_weighted_stratified_Cox_is_that_of_R(int seed, string ties)
    {
        var c = Create(seed);
        var r = AskR(c, $"""
            f <- coxph(Surv(entry, time, event) ~ x1 + x2 + x3 + strata(s), d, weights = w, ties = '{ties}', robust = FALSE, control = control)
            say('coef', coef(f)); say('se', sqrt(diag(f$var))); say('ll', f$loglik); say('score', f$score)
            say('zph', cox.zph(f)$table[, 1])
            k <- concordance(Surv(entry, time, event) ~ o + strata(s), d, weights = w, reverse = TRUE); say('c', c(k$concordance, sqrt(k$var)))
            b <- basehaz(f, centered = FALSE); b <- b[b$strata == levels(b$strata)[2], ]; say('time', b$time); say('hazard', b$hazard)
            """);
        var method = ties == "efron" ? TieMethod.Efron : TieMethod.Breslow;
        var fit = CoxRegression.Fit(c.Truncated, c.X, new CoxOptions { Ties = method });
        Close.To(r["coef"], fit.Coefficients, 1e-8, "coefficient");
        Close.To(r["se"], fit.StandardErrors, 1e-8, "error");
        Close.To(r["ll"], [fit.NullLogLikelihood, fit.LogLikelihood], 1e-11, "log likelihood");
        Close.To(r["score"][0], fit.ScoreTest.Statistic, 1e-8);
        var test = fit.TestProportionality();
        Close.To(r["zph"], [.. test.Covariates.Select(t => t.Statistic), test.Global.Statistic], 1e-6, "zph");
        var concordance = Concordance.Compute(c.Truncated, c.Offset);
        Close.To(r["c"], [concordance.Value, concordance.StandardError], 1e-10, "concordance");
        var baseline = fit.Baseline(1);
        double zero = fit.Predict(new double[1, 3])[0];
        for (int k = 0; k < r["time"].Length; k++) Close.To(r["hazard"][k], baseline.At(r["time"][k]) * Math.Exp(zero), 1e-7, $"hazard at {r["time"][k]}");
    }

    [ToolTheory("survival"), InlineData(2), InlineData(3)]
    public void Left_truncated_Kaplan_Meier_curve_and_log_rank_test_are_those_of_R(int seed)
    {
        // R has no log-rank test for late entries; it is the score test of a Cox model, exact ties aside.
        var c = Create(seed);
        var r = AskR(c, """
            d$id <- seq_len(nrow(d))
            k <- survfit(Surv(entry, time, event) ~ 1, d, weights = w, id = id, robust = TRUE)
            k <- summary(k, times = sort(unique(d$time)), extend = TRUE); say('s', k$surv); say('n', k$n.risk); say('l', k$lower)
            p <- summary(survfit(Surv(entry, time, event) ~ 1, d), times = sort(unique(d$time)), extend = TRUE); say('p', p$lower)
            d$time <- d$time + seq_len(nrow(d)) / 1e4
            say('rank', coxph(Surv(entry, time, event) ~ factor(g) + strata(s), d)$score)
            """);
        var curve = KaplanMeier.Estimate(c.Truncated);
        Close.To(r["s"], curve.Survival, 1e-10, "survival");
        Close.To(r["n"], curve.NumberAtRisk, 1e-10, "at risk");
        int last = curve.Survival.TakeWhile(s => s > 0).Count();
        Close.To(r["l"][..last], curve.Lower.Take(last).ToArray(), 1e-9, "lower");
        var plain = KaplanMeier.Estimate(new SurvivalData(c.Data.Time, c.Data.Event, entry: c.Entry));
        last = plain.Survival.TakeWhile(s => s > 0).Count();
        Close.To(r["p"][..last], plain.Lower.Take(last).ToArray(), 1e-9, "lower without weights");
        var untied = new SurvivalData([.. c.Data.Time.ToArray().Select((t, i) => t + (i + 1) / 1e4)], c.Data.Event, default, c.Data.Strata, c.Entry);
        Close.To(r["rank"][0], LogRank.Compute(untied, c.Group).Test.Statistic, 1e-8);
    }

    [ToolTheory("survival"), InlineData(2), InlineData(3)]
    public void Numbers_at_risk_with_late_entries_are_those_of_R_at_any_time(int seed)
    {
        var c = Create(seed);
        var r = AskR(c, """
            at <- seq(0.5, max(d$time), by = 0.5); say('at', at)
            k <- survfit(Surv(entry, time, event) ~ 1, d); say('t', k$time); say('n', k$n.risk)
            say('by', sapply(at, function(t) sum(d$entry < t & t <= d$time)))
            """);
        var curve = KaplanMeier.Estimate(new SurvivalData(c.Data.Time, c.Data.Event, entry: c.Entry), entries: true);
        // R lists the times at which somebody leaves.
        Close.To(r["n"], [.. r["t"].Select(t => curve.NumberAtRisk[curve.Time.TakeWhile(u => u < t).Count()])], 0, "at risk");
        // Between listed times nobody enters or leaves.
        Close.To(r["by"], [.. r["at"].Select(t => curve.NumberAtRisk[curve.Time.TakeWhile(u => u < t).Count()])], 0, "at risk");
    }

    [ToolTheory("survival"), InlineData(1), InlineData(4)]
    public void Unos_concordance_is_that_of_R(int seed)
    {
        var c = Create(seed);
        var r = AskR(c, """
            k <- concordance(Surv(time, event) ~ x1, d, weights = w, timewt = 'n/G2', reverse = TRUE); say('all', c(k$concordance, sqrt(k$var)))
            k <- concordance(Surv(time, event) ~ x1 + strata(s), d, weights = w, timewt = 'n/G2', ymax = 8, reverse = TRUE); say('strata', c(k$concordance, sqrt(k$var)))
            """);
        double[] risk = [.. Enumerable.Range(0, c.Data.Count).Select(i => c.X[i, 0])];
        var all = Concordance.Uno(new SurvivalData(c.Data.Time, c.Data.Event, c.Data.Weights), risk);
        Close.To(r["all"], [all.Value, all.StandardError], 1e-9, "concordance");
        var strata = Concordance.Uno(c.Data, risk, horizon: 8);
        Close.To(r["strata"], [strata.Value, strata.StandardError], 1e-9, "within strata up to a horizon");
    }

    [ToolFact("survival")]
    public void Brier_score_with_ties_of_deaths_and_censorings_is_that_of_R()
    {
        var c = Create(3);
        var r = AskR(c, """
            f <- coxph(Surv(time, event) ~ x1 + x2 + x3, d, ties = 'breslow', control = control)
            p <- summary(survfit(f, newdata = d), times = c(4, 9, 15.5))$surv; say('p', as.vector(t(p)))
            u <- d$time - 1e-6 * d$event # deaths come first
            g <- survfit(Surv(u, 1 - event) ~ 1, d); G <- function(t) c(1, g$surv)[findInterval(t, g$time) + 1]
            say('b', sapply(1:3, function(k) { t <- c(4, 9, 15.5)[k]; mean(ifelse(d$time > t, (1 - p[k, ])^2 / G(t), d$event * p[k, ]^2 / G(u))) }))
            """);
        var data = new SurvivalData(c.Data.Time, c.Data.Event);
        var survival = new double[data.Count, 3];
        for (int k = 0; k < 3; k++)
            for (int i = 0; i < data.Count; i++) survival[i, k] = r["p"][k * data.Count + i];
        Close.To(r["b"], BrierScore.Compute(data, [4, 9, 15.5], survival).Scores, 1e-9, "Brier score");
    }

    [ToolFact("survival")]
    public void Ridge_is_that_of_R()
    {
        var c = Create(2);
        var r = AskR(c, """
            f <- coxph(Surv(time, event) ~ ridge(x1, x2, x3, theta = 20, scale = FALSE), d, control = coxph.control(eps = 1e-12, iter.max = 50))
            say('coef', coef(f)); say('se', sqrt(diag(f$var)))
            """);
        var fit = CoxRegression.Fit(new SurvivalData(c.Data.Time, c.Data.Event), c.X, new CoxOptions { Ridge = 20, RidgeOnStandardized = false });
        Close.To(r["coef"], fit.Coefficients, 1e-6, "coefficient");
        Close.To(r["se"], fit.StandardErrors, 1e-6, "error");
    }

    [ToolTheory("survival"), InlineData(1), InlineData(4)]
    public void Log_rank_test_of_four_groups_in_strata_is_that_of_R(int seed)
    {
        var c = Create(seed);
        var r = AskR(c, """
            a <- survdiff(Surv(time, event) ~ g, d); say('all', a$chisq); say('expected', a$exp)
            say('strata', survdiff(Surv(time, event) ~ g + strata(s), d)$chisq)
            """);
        var all = LogRank.Compute(new SurvivalData(c.Data.Time, c.Data.Event), c.Group);
        Close.To(r["all"][0], all.Test.Statistic, 1e-10);
        Close.To(r["expected"], all.Expected, 1e-10, "expected");
        Assert.Equal(3, all.Test.DegreesOfFreedom);
        Close.To(r["strata"][0], LogRank.Compute(new SurvivalData(c.Data.Time, c.Data.Event, default, c.Data.Strata), c.Group).Test.Statistic, 1e-10);
    }

    [ToolTheory("survival"), InlineData(1), InlineData(2), InlineData(4)]
    public void Weighted_log_rank_test_of_groups_is_the_robust_score_test_of_R_also_in_strata_and_with_late_entries(int seed)
    {
        var c = Create(seed);
        var r = AskR(c, """
            d$id <- seq_len(nrow(d))
            t <- function(f) coxph(f, d, weights = w, ties = 'breslow', id = id, robust = TRUE)$rscore
            say('all', t(Surv(time, event) ~ factor(g))); say('strata', t(Surv(time, event) ~ factor(g) + strata(s)))
            say('late', t(Surv(entry, time, event) ~ factor(g))); say('both', t(Surv(entry, time, event) ~ factor(g) + strata(s)))
            say('observed', tapply(d$w * d$event, d$g, sum))
            """);
        double Of(ReadOnlySpan<int> strata, ReadOnlySpan<double> entry) => LogRank.Compute(new SurvivalData(c.Data.Time, c.Data.Event, c.Data.Weights, strata, entry), c.Group).Test.Statistic;
        Close.To(r["all"][0], Of(default, default), 1e-9);
        Close.To(r["strata"][0], Of(c.Data.Strata, default), 1e-9);
        Close.To(r["late"][0], Of(default, c.Entry), 1e-9);
        Close.To(r["both"][0], Of(c.Data.Strata, c.Entry), 1e-9);
        var test = LogRank.Compute(c.Truncated, c.Group);
        Close.To(r["observed"], test.Observed, 1e-12, "observed");
        Close.To(test.Observed.Sum(), test.Expected.Sum(), 1e-12);
    }

    [ToolTheory("survival"), InlineData(1, "efron"), InlineData(2, "breslow"), InlineData(3, "efron")]
    public void Robust_errors_of_a_weighted_Cox_model_are_those_of_R(int seed, string ties)
    {
        var c = Create(seed);
        var r = AskR(c, $"""
            d$id <- seq_len(nrow(d))
            t <- function(f) sqrt(diag(coxph(f, d, weights = w, ties = '{ties}', id = id, robust = TRUE, control = control)$var))
            say('all', t(Surv(time, event) ~ x1 + x2 + x3 + offset(o))); say('both', t(Surv(entry, time, event) ~ x1 + x2 + x3 + strata(s)))
            """);
        var options = new CoxOptions { Ties = ties == "efron" ? TieMethod.Efron : TieMethod.Breslow };
        double[] Errors(CoxFit f) => [.. Enumerable.Range(0, 3).Select(j => Math.Sqrt(f.RobustCovariance()[j, j]))];
        Close.To(r["all"], Errors(CoxRegression.Fit(new SurvivalData(c.Data.Time, c.Data.Event, c.Data.Weights), c.X, options with { Offset = c.Offset })), 1e-7, "error");
        Close.To(r["both"], Errors(CoxRegression.Fit(c.Truncated, c.X, options)), 1e-7, "error");
    }

    [ToolTheory("survival"), InlineData("log", ConfidenceScale.Log), InlineData("log-log", ConfidenceScale.LogLog), InlineData("plain", ConfidenceScale.Plain)]
    public void Weighted_Kaplan_Meier_limits_and_quartiles_are_those_of_R(string type, ConfidenceScale scale)
    {
        var c = Create(3);
        var r = AskR(c, $"""
            k <- survfit(Surv(time, event) ~ 1, d, weights = w, robust = TRUE, conf.type = '{type}', conf.int = 0.9)
            say('s', k$surv); say('l', k$lower); say('u', k$upper); q <- quantile(k, c(.25, .5, .75))
            say('q', c(q$quantile, q$lower, q$upper))
            """);
        var curve = KaplanMeier.Estimate(c.Data, scale, 0.9);
        Close.To(r["s"], curve.Survival, 1e-10, "survival");
        int last = curve.Survival.Count - (curve.Survival[^1] == 0 ? 1 : 0);
        Close.To(r["l"][..last], curve.Lower.Take(last).ToArray(), 1e-9, "lower");
        Close.To(r["u"][..last], curve.Upper.Take(last).ToArray(), 1e-9, "upper");
        (double, double, double)[] q = [curve.Quantile(0.25), curve.Median, curve.Quantile(0.75)];
        Close.To(r["q"], [.. q.Select(v => v.Item1), .. q.Select(v => v.Item2), .. q.Select(v => v.Item3)], 1e-12, "quartile");
    }
}
