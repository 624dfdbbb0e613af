package report

// findingTexts tell a weakness to the people who run the line.
var findingTexts = map[string]entry{
	"finding.encoder.title": both("{0} can be broken by someone who knows only the encoder", "{0}は、エンコーダしか知らない者に破られうる"),
	"finding.system.title":  both("{0} can be broken by someone who knows it", "{0}は、それを知る者に破られうる"),
	"finding.query.title":   both("{0} can be broken by someone who may query it", "{0}は、問い合わせできる者に破られうる"),

	"needs.encoder": both("The encoder's public file, and a way to change the picture before {0} reads it, by at most {1} in each colour value. No label, no prompt, no query.", "エンコーダの公開ファイルと、{0}が読む前に画像の各色値を最大{1}だけ変える手段。ラベル、プロンプト、問い合わせは不要。"),
	"needs.system":  both("{0}'s own weights, and a way to change the picture before it is read, by at most {1} in each colour value.", "{0}自身の重みと、読まれる前に画像の各色値を最大{1}だけ変える手段。"),
	"needs.query":   both("Permission to send {0} many pictures and see its answers, and a way to change the picture, by at most {1} in each colour value.", "{0}に多数の画像を送って回答を見る権限と、画像の各色値を最大{1}だけ変える手段。"),

	"effect.classification": both("Parts are put in the wrong class: {0} falls from {1} to {2} (interval {3}) under {4}.", "部品が誤った種類に分類される：{4}で{0}が{1}から{2}（区間{3}）に低下。"),
	"effect.anomaly":        both("Defective parts pass or good parts are stopped: {0} falls from {1} to {2} (interval {3}) under {4}.", "不良品が通る、または良品が止まる：{4}で{0}が{1}から{2}（区間{3}）に低下。"),
	"effect.segmentation":   both("Defects are outlined in the wrong place or not at all: {0} falls from {1} to {2} (interval {3}) under {4}.", "欠陥の輪郭が誤るか消える：{4}で{0}が{1}から{2}（区間{3}）に低下。"),
	"effect.detection":      both("Defects are missed or found where there are none: {0} falls from {1} to {2} (interval {3}) under {4}.", "欠陥の見逃しや誤検出：{4}で{0}が{1}から{2}（区間{3}）に低下。"),
	"effect.captioning":     both("The written description no longer fits the part: {0} falls from {1} to {2} (interval {3}) under {4}.", "説明文が部品と合わなくなる：{4}で{0}が{1}から{2}（区間{3}）に低下。"),
	"effect.vqa":            both("Questions about the part are answered wrongly: {0} falls from {1} to {2} (interval {3}) under {4}.", "部品についての質問に誤答する：{4}で{0}が{1}から{2}（区間{3}）に低下。"),
	"effect.retrieval":      both("Similar cases are no longer found: {0} falls from {1} to {2} (interval {3}) under {4}.", "類似事例が見つからなくなる：{4}で{0}が{1}から{2}（区間{3}）に低下。"),

	"reduce.path":      both("Keep the way from the sensor to the model closed: signed frames, no writable folder in between.", "センサーからモデルまでの経路を閉じる：フレームへの署名、途中に書き込み可能なフォルダを置かない。"),
	"reduce.hardening": both("Harden the encoder by adversarial fine-tuning that holds its tokens in place (ATLAS AML.M0003).", "トークンを保つ敵対的微調整でエンコーダを強化する（ATLAS AML.M0003）。"),
	"reduce.private":   both("Do not run the public weights: a fine-tuned or unpublished encoder takes the attacker's gradient away in part. Measure how much.", "公開重みをそのまま使わない：微調整や非公開のエンコーダは攻撃者の勾配を部分的に奪う。その程度は測定すること。"),
	"reduce.ensemble":  both("Let a second system on another encoder check the first, and send disagreements to a person (ATLAS AML.M0006).", "別のエンコーダによる第二のシステムで照合し、不一致は人に回す（ATLAS AML.M0006）。"),
	"reduce.restore":   both("Purify the input before the encoder (ATLAS AML.M0010), judged against an attacker who knows it.", "エンコーダの前で入力を浄化する（ATLAS AML.M0010）。それを知る攻撃者で評価すること。"),
	"reduce.detect":    both("Detect adversarial inputs and stop the line on alarm (ATLAS AML.M0015).", "敵対的入力を検知し、警報で停止する（ATLAS AML.M0015）。"),
	"reduce.queries":   both("Limit queries and give out as little of the score as the use allows (ATLAS AML.M0004).", "問い合わせを制限し、スコアの公開を最小限にする（ATLAS AML.M0004）。"),

	"met.none":    both("Not met: this run contains no defence.", "未達：本実行に防御策は含まれない。"),
	"met.trial":   both("The best defence that was tried, {0}, leaves {1} under the worst attack that knows it, at ε = {2}.", "試した中で最良の防御{0}は、それを知る最悪の攻撃（ε = {2}）で{1}を保つ。"),
	"met.defence": both("{0}: {1} instead of {2} under the same attack.", "{0}：同じ攻撃で{2}が{1}になる。"),
}
