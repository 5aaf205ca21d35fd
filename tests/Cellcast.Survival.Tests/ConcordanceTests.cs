namespace Cellcast.Survival.Tests;

public class ConcordanceTests
{
    [Fact]
    public void Value_and_error_are_the_definition_pair_by_pair() => Cohort.ForAll(c =>
    {
        double[] risk = [.. c.Eta.Select(e => Math.Round(e, 1))];
        var (value, error, pairs) = BruteForce.Concordance(c.Data, risk);
        if (pairs == 0)
        {
            Assert.Throws<SurvivalDataException>(() => Concordance.Compute(c.Data, risk));
            return;
        }
        var actual = Concordance.Compute(c.Data, risk);
        Assert.Equal(pairs, actual.Comparable, 1e-10 * pairs);
        Assert.Equal(value, actual.Value, 1e-12);
        Assert.Equal(error, actual.StandardError, 1e-12);
    });

    [Fact]
    public void Only_the_order_of_the_risks_counts_and_turning_it_round_mirrors_the_value()
    {
        var c = Cohort.Create(11, 3);
        double value = Concordance.Compute(c.Data, c.Eta).Value;
        Assert.Equal(value, Concordance.Compute(c.Data, [.. c.Eta.Select(Math.Exp)]).Value);
        Assert.Equal(1 - value, Concordance.Compute(c.Data, [.. c.Eta.Select(e => -e)]).Value, 1e-12);
    }

    [Fact]
    public void A_perfect_order_is_1_and_a_constant_is_one_half()
    {
        var data = new SurvivalData([1, 2, 3, 4], [true, true, false, true]);
        Assert.Equal(1, Concordance.Compute(data, [4, 3, 2, 1]).Value);
        Assert.Equal(0.5, Concordance.Compute(data, [1, 1, 1, 1]).Value);
        Assert.Equal(0, Concordance.Compute(data, [1, 1, 1, 1]).StandardError);
    }

    [Fact]
    public void A_death_and_a_censoring_at_the_same_time_are_a_pair_two_deaths_are_not()
    {
        var data = new SurvivalData([1, 1, 1], [true, true, false]);
        Assert.Equal(2, Concordance.Compute(data, [3, 2, 1]).Comparable);
    }

    [Fact]
    public void A_hundred_thousand_subjects_are_counted_without_a_table_of_pairs()
    {
        var random = new Random(1);
        int n = 100_000;
        double[] time = [.. Enumerable.Range(0, n).Select(_ => 1 + random.NextDouble())], risk = [.. time.Select(t => -t)];
        var data = new SurvivalData(time, Enumerable.Repeat(true, n).ToArray());
        Assert.Equal(1, Concordance.Compute(data, risk).Value);
    }
}
