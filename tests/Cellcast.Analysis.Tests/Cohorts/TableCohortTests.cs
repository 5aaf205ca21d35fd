using Cellcast.Analysis.Cohorts;
using Cellcast.AnnData;
using Cellcast.TestSupport;

namespace Cellcast.Analysis.Tests.Cohorts;

public sealed class TableCohortTests : IDisposable
{
    private readonly TemporaryDirectory _folder = new();

    public void Dispose() => _folder.Dispose();

    private Cohort Build(string counts, string clinical, CohortOptions? options = null, string countsName = "counts.csv") =>
        TableCohort.Build(_folder.Write(countsName, counts), _folder.Write("clinical.csv", clinical), options);

    private string Failure(string counts, string clinical, CohortOptions? options = null) =>
        Assert.Throws<InputException>(() => Build(counts, clinical, options)).Message;

    private const string Counts = "gene,P3,P1,P2,P9\nTP53,3,1,2,9\nEGFR,30,0,20,90\n";
    private const string Clinical = "id,months,state,age,site\nP1,10,Dead,61,A\nP2,5.5,alive,48,B\nP3,7,DECEASED,,A\nP4,1,Dead,70,B\n";

    private static readonly CohortOptions s_columns = new() { Time = "months", Event = "state" };

    [Fact]
    public void Counts_and_clinical_data_meet_by_the_column_that_fits()
    {
        var cohort = Build(Counts, Clinical, s_columns);
        Assert.Equal(["P1", "P2", "P3"], cohort.Data.Obs.Index);
        Assert.Equal([1, 0, 2, 20, 3, 30], cohort.Dense());
        Assert.Equal([10, 5.5, 7], cohort.Times());
        Assert.Equal(["Dead", "Alive", "Dead"], (IEnumerable<string?>)cohort.Events());
        Assert.Equal((3, 2), (cohort.Patients, cohort.Events));
        Assert.Equal([61, 48, double.NaN], ((NumericColumn)cohort.Data.Obs["age"]).ToDouble());
        Assert.Equal(["A", "B"], ((CategoricalColumn)cohort.Data.Obs["site"]).Categories);
        Assert.Null(cohort.Data.Problem());

        string said = cohort.Report.Says();
        Assert.Contains("joined with 'id' of 'clinical.csv', as they are", said);
        Assert.Contains("1 sample without clinical data left out (P9)", said);
        Assert.Contains("1 entry of 'clinical.csv' not used (P4)", said);
        Assert.Contains("3 patients, 2 of whom died", said);
    }

    [Theory]
    [InlineData("1", "0")]
    [InlineData("1.0", "0.0")]
    [InlineData("TRUE", "False")]
    [InlineData("dead", "ALIVE")]
    [InlineData("1:DECEASED", "0:LIVING")]
    [InlineData("yes", "no")]
    public void Every_spelling_of_an_event_is_understood(string dead, string alive)
    {
        var cohort = Build(Counts, $"id,OS.time,OS\nP1,10,{dead}\nP2,5,{alive}\n");
        Assert.Equal(["Dead", "Alive"], (IEnumerable<string?>)cohort.Events());
    }

    [Fact]
    public void Patients_without_usable_survival_are_left_out_and_named()
    {
        var cohort = Build("gene,P1,P2,P3,P4,P5\nTP53,1,2,3,4,5\n", "id,time,event\nP1,10,1\nP2,,1\nP3,0,1\nP4,5,NA\nP5,-2,0\n");
        Assert.Equal(["P1"], cohort.Data.Obs.Index);
        string said = cohort.Report.Says();
        Assert.Contains("1 sample of patients without vital status left out (P4)", said);
        Assert.Contains("1 sample of patients without survival time left out (P2)", said);
        Assert.Contains("2 samples of patients with a survival time of 0 or less left out (P3, P5)", said);
    }

    [Fact]
    public void Names_mangled_by_R_and_tcga_barcodes_meet_their_patients()
    {
        var cohort = Build("gene,TCGA.02.0047.01A,TCGA.02.0047.01B,TCGA.06.0125.02A,TCGA.06.0125.01A,TCGA.02.0055.11A\nTP53,1,2,3,4,5\n",
            "bcr_patient_barcode,OS.time,OS\nTCGA-02-0047,10,1\nTCGA-06-0125,20,0\nTCGA-02-0055,30,1\n");
        Assert.Equal(["TCGA-02-0047", "TCGA-06-0125"], cohort.Data.Obs.Index);
        Assert.Equal([1, 4], cohort.Dense());
        Assert.Equal(["TCGA.02.0047.01A", "TCGA.06.0125.01A"], (IEnumerable<string?>)cohort.Data.Obs["sample"].ToText());
        Assert.Equal("Primary Tumor", cohort.Data.Obs["sample_type"].Text(0));
        string said = cohort.Report.Says();
        Assert.Contains("by TCGA patient", said);
        Assert.Contains("1 'Recurrent Tumor', 1 'Solid Tissue Normal'", said);
        Assert.Contains("1 further sample of a patient left out", said);
    }

    [Fact]
    public void Other_sample_types_can_be_asked_for_in_order_of_preference()
    {
        const string counts = "gene,TCGA-06-0125-01A,TCGA-06-0125-02A,TCGA-02-0055-01A\nTP53,1,2,3\n", clinical = "id,time,event\nTCGA-06-0125,1,1\nTCGA-02-0055,2,0\n";
        var cohort = Build(counts, clinical, new() { SampleTypes = ["recurrent tumor", "Primary Tumor"] });
        Assert.Equal([3, 2], cohort.Dense());
        string message = Failure(counts, clinical, new() { SampleTypes = ["Metastatic"] });
        Assert.Contains("no sample is of type 'Metastatic'", message);
        Assert.Contains("2 'Primary Tumor', 1 'Recurrent Tumor'", message);
    }

    [Fact]
    public void Samples_in_rows_and_ensembl_ids_work_with_a_gene_map()
    {
        string map = _folder.Write("map.tsv", "id\tgene\tchrom\nENSG00000141510.17\tTP53\tchr17\nENSG00000146648.18\tEGFR\tchr7\nENSG00000999999.1\tEGFR\tchrY\n");
        var cohort = Build("sample,ENSG00000141510.11,ENSG00000146648.12,ENSG00000999999.1,ENSG00000000001.2\nP1,1,2,3,4\nP2,5,6,7,8\n",
            "id,time,event\nP1,1,1\nP2,2,0\n", new() { GeneMap = map });
        Assert.Equal(["TP53", "EGFR"], cohort.Data.Var.Index);
        Assert.Equal([1, 5, 5, 13], cohort.Dense());
        Assert.Equal("ENSG00000146648", cohort.Data.Var["gene_ids"].Text(1));
        string said = cohort.Report.Says();
        Assert.Contains("1 gene id without a symbol left out (ENSG00000000001)", said);
        Assert.Contains("1 gene name with several ids, whose counts were added up (EGFR)", said);
    }

    [Fact]
    public void A_gtf_is_a_gene_map_and_the_table_itself_may_be()
    {
        string gtf = _folder.Write("g.gtf.gz", "##description: invented\nchr17\tX\tgene\t1\t2\t.\t-\t.\tgene_id \"ENSG00000141510.17\"; gene_type \"protein_coding\"; gene_name \"TP53\";\n"
            + "chr17\tX\texon\t1\t2\t.\t-\t.\tgene_id \"ENSG00000000000.1\"; gene_name \"NO\";\n");
        Assert.Equal((1, "TP53"), (GeneMap.Read(gtf).Count, GeneMap.Read(gtf)["ENSG00000141510.3"]));
        var cohort = Build("gene_id,gene_name,P1,P2\nENSG00000141510.17,TP53,1,2\nENSG00000146648.18,EGFR,3,4\n", "id,time,event\nP1,1,1\nP2,2,0\n");
        Assert.Equal(["TP53", "EGFR"], cohort.Data.Var.Index);
    }

    [Fact]
    public void Without_symbols_ids_stay_without_versions_and_this_is_said()
    {
        var cohort = Build("id,P1,P2\nENSG00000141510.17,1,2\nENSG00000146648.18,3,4\n", "id,time,event\nP1,1,1\nP2,2,0\n");
        Assert.Equal(["ENSG00000141510", "ENSG00000146648"], cohort.Data.Var.Index);
        Assert.Contains("stay Ensembl ids", cohort.Report.Says());
    }

    [Fact]
    public void Repeated_rows_of_a_patient_are_merged_unless_they_disagree_on_survival()
    {
        var cohort = Build(Counts, "id,time,event,drug,grade\nP1,10,1,a,\nP1,10,1,b,II\nP2,5,0,c,I\n");
        Assert.Equal(["a", "c"], (IEnumerable<string?>)cohort.Data.Obs["drug"].ToText());
        Assert.Equal(["II", "I"], (IEnumerable<string?>)cohort.Data.Obs["grade"].ToText());
        Assert.Contains("'P1' has several rows that disagree in 'time' ('10' and '11')", Failure(Counts, "id,time,event\nP1,10,1\nP1,11,1\n"));
    }

    [Theory]
    [InlineData(Counts, "id,x\nP1,1\n", "no column has a usual name for the survival time")]
    [InlineData(Counts, "id,time,x\nP1,1,1\n", "no column has a usual name for the event")]
    [InlineData(Counts, "id,time,event\nQ1,1,1\n", "is named in any column")]
    [InlineData(Counts, "id,time,event\nP1,1,2\n", "'P1' has '2' in 'event', which is no event")]
    [InlineData(Counts, "id,time,event\nP1,soon,1\n", "'P1' has 'soon' in 'time', which is not a number")]
    [InlineData(Counts, "id,time,event\nP1,0,1\n", "no patient is left: ")]
    [InlineData(Counts, "id,time,event\n", "has a header but no rows")]
    [InlineData("gene,P1,P2\nTP53,1,2.5\nEGFR,1,1\n", "id,time,event\nP1,1,1\nP2,1,1\n", "sample 'P2' (row 2), gene 'TP53': the value 2.5 is a fraction")]
    [InlineData("gene,P1\nTP53,0\n", "id,time,event\nP1,1,1\n", "no sample has any count")]
    public void What_cannot_work_is_named(string counts, string clinical, string what) => Assert.Contains(what, Failure(counts, clinical));

    [Fact]
    public void Names_that_only_punctuation_tells_apart_are_not_guessed() =>
        Assert.Contains("'P-1' and 'P.1' in 'id' have different survival", Failure("gene,P_1,P_2\nTP53,1,2\n", "id,time,event\nP-1,1,1\nP.1,2,1\nP-2,3,0\n"));

    [Fact]
    public void Stated_columns_that_are_not_there_are_named()
    {
        Assert.Contains("has no column 'days' for the survival time; it has 'id', 'months'", Failure(Counts, Clinical, new() { Time = "days", Event = "state" }));
        Assert.Contains("has no column 'patient'", Failure(Counts, Clinical, s_columns with { Patient = "patient" }));
        Assert.Contains("is named in column 'site'", Failure(Counts, Clinical, s_columns with { Patient = "site" }));
    }

    [SharedDataFact("tcga_gbm_bulk.h5ad")]
    public void A_real_cohort_taken_apart_and_put_together_again_is_the_same()
    {
        var real = AnyFile.Read(TestPaths.SharedData("tcga_gbm_bulk.h5ad"));
        Cellcast.AnnData.Tables.CountTableWriter.Write(_folder["c.tsv.gz"], real);
        Cellcast.AnnData.Tables.CsvFile.From(real.Obs, "patient").Write(_folder["clinical.csv"]);
        var cohort = TableCohort.Build(_folder["c.tsv.gz"], _folder["clinical.csv"]);
        int[] order = [.. Enumerable.Range(0, real.ObservationCount).OrderBy(i => real.Obs.Index[i], StringComparer.Ordinal)];
        var expected = real.SelectObservations(order);
        Assert.Equal(expected.Obs.Index, cohort.Data.Obs.Index);
        Assert.Equal(expected.Var.Index, cohort.Data.Var.Index);
        Assert.Equal(expected.X!.ToSparse().Values, cohort.Data.X!.ToSparse().Values);
        Assert.Equal(((NumericColumn)expected.Obs["survival_time"]).ToDouble(), cohort.Times());
        Assert.Equal((IEnumerable<string?>)expected.Obs["vital_status"].ToText(), cohort.Events());
        Assert.Equal((IEnumerable<string?>)expected.Obs["age"].ToText(), cohort.Data.Obs["age"].ToText());
    }
}
